// SPDX-License-Identifier: MIT
// Embeds the linked payload, so that the demo is one file and finds it
// wherever it runs. PAYLOAD is set by CMake.
	.section .rodata
	.global etxtbsy_race_payload, etxtbsy_race_payload_end
etxtbsy_race_payload:
	.incbin PAYLOAD
etxtbsy_race_payload_end:
	.section .note.GNU-stack, "", %progbits

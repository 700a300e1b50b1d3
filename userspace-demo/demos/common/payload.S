// SPDX-License-Identifier: MIT
// Embeds the linked payload, so that the demo is one file and finds it
// wherever it runs. PAYLOAD is set by CMake.
	.section .rodata
	.global demo_payload, demo_payload_end
demo_payload:
	.incbin PAYLOAD
demo_payload_end:
	.section .note.GNU-stack, "", %progbits

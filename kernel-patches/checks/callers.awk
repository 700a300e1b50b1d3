# SPDX-License-Identifier: MIT
# Print FILE:FUNCTION for each function that calls one of the kernel's allocators of
# descriptors. In kernel style a function's heading begins in the first column; that
# of a system call names it in the first argument of a macro.
BEGIN {
	allocators = "(__)?get_unused_fd_flags|alloc_fd|FD_PREPARE|FD_ADD|receive_fd(_replace)?|" \
		     "replace_fd|f_dupfd|do_dup2|(__)?anon_inode_(create_)?getfd|dma_buf_fd|" \
		     "(__)?pidfd_prepare|pidfd_create|sock_map_fd|scm_recv_one_fd|fscontext_create_fd"
	call = "(^|[^A-Za-z0-9_])((" allocators ")[ \t]*\\(|CLASS\\(get_unused_fd,)"
}
FNR == 1 { name = ""; comment = 0 }
/^[ \t]*\/\*/ { comment = 1 }
comment { if (/\*\//) comment = 0; next }
/^[A-Za-z_].*\(/ && !/;[ \t]*$/ {
	heading = $0
	if (match(heading, /^(COMPAT_)?SYSCALL_DEFINE[0-9]\(/))
		heading = substr(heading, RLENGTH + 1)
	else
		sub(/\(.*/, "", heading)
	sub(/,.*/, "", heading)
	sub(/.*[ \t*]/, "", heading)
	name = heading
	next
}
/^[A-Za-z_].*;[ \t]*$/ { next }
$0 ~ call && !/^[ \t]*\*/ && !/^#/ { print FILENAME ":" name }

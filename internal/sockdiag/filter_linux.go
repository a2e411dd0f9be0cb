package sockdiag

import "golang.org/x/sys/unix"

// The kernel's socket filter is a small program of jumps. Each operation has two numbers of bytes to go on by: one for when it
// holds, one for when it does not. A socket that comes to the end exactly is taken. A socket that jumps four bytes beyond is not.
const (
	opJump      = 1
	opLocalMin  = 2 // the local port is at least the one that follows
	opLocalMax  = 3 // … at most
	sizeOp      = 4
	sizePortOps = 5 * sizeOp // both comparisons with their ports, and a jump to the end
)

// portFilter takes sockets whose local port is one of these. Ports are compared twice, at least and at most, because the
// kernels before 5.16 do not know equality.
func portFilter(ports []uint16) []byte {
	program := make([]byte, 0, len(ports)*sizePortOps)
	end := len(ports) * sizePortOps
	for n, port := range ports {
		at := n * sizePortOps
		next := sizePortOps // to the operations of the next port
		if n == len(ports)-1 {
			next += sizeOp // beyond the end
		}
		program = op(program, opLocalMin, 2*sizeOp, next)
		program = op(program, 0, 0, int(port))
		program = op(program, opLocalMax, 2*sizeOp, next-2*sizeOp)
		program = op(program, 0, 0, int(port))
		program = op(program, opJump, sizeOp, end-(at+4*sizeOp))
	}
	return program
}

func op(program []byte, code, yes byte, no int) []byte {
	return native.AppendUint16(append(program, code, yes), uint16(no))
}

// announcedPorts is a classic packet filter over announcements. Sockets on other ports, such as those of the app's own requests
// to others, must not fill the buffer. Nil: no filter, all announcements are taken.
func announcedPorts(ports []uint16) []unix.SockFilter {
	const (
		mostSteps = 4096 // the kernel takes no more
		portAt    = sizeHeader + 4
	)
	if len(ports) == 0 || 2*len(ports)+2 > mostSteps {
		return nil
	}
	program := []unix.SockFilter{{Code: unix.BPF_LD | unix.BPF_H | unix.BPF_ABS, K: portAt}}
	for _, port := range ports {
		program = append(program,
			unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: uint32(port), Jf: 1},
			unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: 1<<32 - 1})
	}
	return append(program, unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K})
}

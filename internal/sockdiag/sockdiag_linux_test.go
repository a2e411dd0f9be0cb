package sockdiag

import "testing"

// A handshake whose SYN-ACK was lost counts as segments sent again, before the server has sent any segment of payload. Payload that came with
// the SYN is told by an option.
func TestLostSynAck(t *testing.T) {
	t.Parallel()
	message := make([]byte, sizeMessage+4+sizeInfo)
	native.PutUint16(message[sizeMessage:], uint16(4+sizeInfo))
	native.PutUint16(message[sizeMessage+2:], attrInfo)
	info := message[sizeMessage+4:]
	native.PutUint32(info[100:], 3) // tcpi_total_retrans
	native.PutUint32(info[156:], 1) // tcpi_data_segs_out
	var s Socket
	if err := s.parse(message); err != nil || s.Sent != 1 || s.Resent > s.Sent || s.FastOpen {
		t.Errorf("%d segments sent, %d of them again, Fast Open %v, %v", s.Sent, s.Resent, s.FastOpen, err)
	}
	info[5] = 0x27 // tcpi_options: timestamps, SACK and window scaling too
	if err := s.parse(message); err != nil || !s.FastOpen {
		t.Errorf("Fast Open %v, %v", s.FastOpen, err)
	}
}

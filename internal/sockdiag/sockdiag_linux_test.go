package sockdiag

import "testing"

// A handshake whose SYN-ACK was lost counts as segments sent again, before the server has sent any segment of payload. Payload that came with
// the SYN is told by an option.
func TestLostSynAck(t *testing.T) {
	t.Parallel()
	message := make([]byte, sizeMessage+4+sizeInfo)
	native.PutUint16(message[sizeMessage:], 4+sizeInfo)
	native.PutUint16(message[sizeMessage+2:], attrInfo)
	info := message[sizeMessage+4:]
	native.PutUint32(info[infoResent:], 3)
	native.PutUint32(info[infoSegmentsOut:], 1)
	var s Socket
	if err := s.parse(message); err != nil || s.Sent != 1 || s.Resent > s.Sent || s.FastOpen {
		t.Errorf("%d segments sent, %d of them again, Fast Open %v, %v", s.Sent, s.Resent, s.FastOpen, err)
	}
	info[infoOptions] = 0x27 // timestamps, SACK and window scaling too
	if err := s.parse(message); err != nil || !s.FastOpen {
		t.Errorf("Fast Open %v, %v", s.FastOpen, err)
	}
}

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

// A kernel that tells less than what is read is not believed. What a newer kernel tells besides changes nothing.
func TestLengthsOfInfo(t *testing.T) {
	t.Parallel()
	for length, known := range map[int]bool{0: false, 104: false, 156: false, 160: true, 232: true, 248: true, 4000: true} {
		message := make([]byte, sizeMessage+4+length)
		native.PutUint16(message[sizeMessage:], uint16(4+length))
		native.PutUint16(message[sizeMessage+2:], attrInfo)
		info := message[sizeMessage+4:]
		for n := range info {
			info[n] = 0xff
		}
		if known {
			native.PutUint64(info[128:], 7<<32+5) // tcpi_bytes_received
			native.PutUint32(info[156:], 3)       // tcpi_data_segs_out
		}
		var s Socket
		if err := s.parse(message); err != nil || s.Known != known || known && (s.BytesReceived != 5 || s.Sent != 3) || !known && s.Sent != 0 {
			t.Errorf("%d bytes: %+v, %v", length, s, err)
		}
	}
}

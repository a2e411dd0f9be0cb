package shutdown

import "time"

// lateness finds out by how much this machine wakes us late, which is none of the program's doing. What it returns ends that,
// and tells the worst.
func lateness() func() time.Duration {
	told, worst := make(chan struct{}), make(chan time.Duration)
	go func() {
		const often = 5 * time.Millisecond
		every := time.NewTicker(often)
		defer every.Stop()
		most := time.Duration(0)
		for last := time.Now(); ; last = time.Now() {
			select {
			case <-every.C:
				most = max(most, time.Since(last)-often)
			case <-told:
				worst <- max(most, time.Since(last)-often)
				return
			}
		}
	}()
	return func() time.Duration {
		close(told)
		return <-worst
	}
}

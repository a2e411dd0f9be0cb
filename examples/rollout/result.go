package main

import "time"

// old are the pods that were replaced.
func (r result) old() []*pod { return r.pods[:replicas] }

func (r result) failed() []request {
	var all []request
	for _, q := range r.requests {
		if q.err != nil {
			all = append(all, q)
		}
	}
	return all
}

// allKnowing is how long a hook would have taken that knows when the last request to its pod is over.
func (r result) allKnowing(p *pod) time.Duration {
	var last time.Duration
	for _, q := range r.requests {
		if q.to == p {
			last = max(last, q.ended.Sub(p.termination.begun))
		}
	}
	return last
}

func (r result) rollout() time.Duration { return r.over.Sub(r.begun) }

// mean is the mean of a duration of the old pods.
func (r result) mean(of func(*pod) time.Duration) time.Duration {
	var sum time.Duration
	for _, p := range r.old() {
		sum += of(p)
	}
	return sum / time.Duration(len(r.old()))
}

func hookTime(p *pod) time.Duration { return p.hook }

// bound is how long an adaptive hook may take: as long as a hook that knows all, and for= longer, since it must see that nothing follows.
func (r result) bound(p *pod) time.Duration {
	return max(quietMin, r.allKnowing(p)+quietFor) + time.Second
}

// Package e2e runs prestop under a real kubelet. All of it is in tests, for root on Linux: see `make e2e`, and README.md here.
package e2e

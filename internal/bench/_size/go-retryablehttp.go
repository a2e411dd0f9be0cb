package main

import (
	"context"
	"net/http"
	"time"

	"github.com/hashicorp/go-retryablehttp"
)

func init() { uses = append(uses, retry) }

func retry(ctx context.Context, client *http.Client, args []string) error {
	c := retryablehttp.Client{
		HTTPClient:   client,
		RetryMax:     1 << 30,
		CheckRetry:   func(_ context.Context, _ *http.Response, err error) (bool, error) { return err != nil, nil },
		Backoff:      func(_, _ time.Duration, _ int, _ *http.Response) time.Duration { return time.Second },
		ErrorHandler: func(resp *http.Response, err error, _ int) (*http.Response, error) { return resp, err },
	}
	r, err := retryablehttp.NewRequestWithContext(ctx, http.MethodGet, args[0], nil)
	if err != nil {
		return err
	}
	response, err := c.Do(r)
	if err != nil {
		return err
	}
	return response.Body.Close()
}

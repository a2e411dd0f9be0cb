package shutdown

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/prestop/prestop/internal/request"
	"github.com/prestop/prestop/internal/step"
	"github.com/prestop/prestop/internal/web"
)

// An EtcdLease is a lease of etcd 3.4 or later. Run revokes it through the JSON gateway. That also deletes the keys that are attached to
// the lease: locks, registrations, leaderships. The lease can only be ours: etcd never gives the same id to two leases.
type EtcdLease struct {
	Client   *web.Client
	URL      string        // of a member, without a path: http://etcd:2379
	User     string        // empty: etcd asks for none, or knows us by our certificate
	Password web.Secret    // of User
	Lease    web.Secret    // its id: see ParseLease
	Timeout  time.Duration // of one try; 0: 10 s
}

// Run revokes the lease. It is also done if etcd does not know the lease, because it has expired or was revoked. It keeps no connection.
func (e *EtcdLease) Run(ctx context.Context, log *slog.Logger) error {
	s, err := e.session()
	if err != nil {
		return err
	}
	found := lockReleased
	_, err = web.Policy{Timeout: e.Timeout}.Do(ctx, log, func(ctx context.Context) (web.Answer, error) {
		a, err := s.ask(ctx, "/v3/lease/revoke", nil)
		if errors.Is(err, errNoLease) {
			found, err = lockGone, nil
		}
		return a, err
	})
	e.Client.Close()
	if err != nil {
		return err
	}
	log.Info(found, "lease", s.hex())
	return nil
}

// Check logs in and asks how long the lease has to live.
func (e *EtcdLease) Check(ctx context.Context) ([]step.Finding, error) {
	s, err := e.session()
	if err != nil {
		return nil, err
	}
	all, err := request.Reach(ctx, e.Client, e.URL)
	if err != nil {
		return all, err
	}
	var lives struct {
		TTL int64 `json:"TTL,string"` // in seconds; -1: no such lease
	}
	_, err = s.ask(ctx, "/v3/lease/timetolive", &lives)
	switch {
	case errors.Is(err, errNoLease) || err == nil && lives.TTL < 0:
		return append(all, step.Found(lockGone, "lease", s.hex())), nil
	case err != nil:
		return all, err
	}
	return append(all, step.Found(lockOurs, "lease", s.hex(), "ttl", (time.Duration(lives.TTL)*time.Second).String())), nil
}

// etcdSession is what one run or check needs.
type etcdSession struct {
	*EtcdLease
	id int64
}

func (e *EtcdLease) session() (*etcdSession, error) {
	text, err := e.Lease()
	if err != nil {
		return nil, fmt.Errorf("lease: %w", err)
	}
	id, err := ParseLease(text)
	if err != nil {
		return nil, fmt.Errorf("lease: %w", err)
	}
	if e.User != "" && e.Password == nil {
		return nil, errUserAlone
	}
	return &etcdSession{e, id}, nil
}

func (s *etcdSession) hex() string { return strconv.FormatInt(s.id, 16) }

// ask makes a call about the lease, logged in if there is a user.
func (s *etcdSession) ask(ctx context.Context, path string, into any) (web.Answer, error) {
	header := http.Header{}
	if s.User != "" {
		token, a, err := s.token(ctx)
		if err != nil {
			return a, err
		}
		if token != "" {
			header.Set("Authorization", token) // as it is, without Bearer
		}
	}
	return s.call(ctx, path, header, map[string]string{"ID": strconv.FormatInt(s.id, 10)}, into)
}

// token logs in. The token is empty if etcd has no authentication. etcd's own clients take that for a success too.
func (s *etcdSession) token(ctx context.Context) (string, web.Answer, error) {
	password, err := s.Password()
	if err != nil {
		return "", web.Answer{}, web.Permanent(fmt.Errorf("password: %w", err))
	}
	var auth struct {
		Token string `json:"token"`
	}
	a, err := s.call(ctx, "/v3/auth/authenticate", http.Header{}, map[string]string{"name": s.User, "password": password}, &auth, password)
	switch {
	case errors.Is(err, errNoAuth):
		return "", a, nil
	case err == nil && auth.Token == "":
		err = web.Permanent(of(a, errNoGateway))
	}
	return auth.Token, a, err
}

// call makes one call and reads the answer; secrets are kept out of the error.
func (s *etcdSession) call(ctx context.Context, path string, header http.Header, body map[string]string, into any, secrets ...string) (web.Answer, error) {
	text, _ := json.Marshal(body) // texts alone
	header.Set("Content-Type", "application/json")
	a, err := s.Client.Send(ctx, web.Request{Method: http.MethodPost, URL: strings.TrimSuffix(s.URL, "/") + path, Header: header, Body: text})
	if err != nil {
		return a, err
	}
	return a, of(a, readEtcd(a, into, secrets))
}

// etcdAnswer is what each answer of etcd holds.
type etcdAnswer struct {
	Header struct {
		Cluster string `json:"cluster_id"`
	} `json:"header"`
	Code    int    `json:"code"`    // the gRPC code of an error
	Message string `json:"message"` // of the error
}

var (
	errNoLease   = errors.New("requested lease not found")
	errNoAuth    = errors.New("authentication is not enabled")
	errNoGateway = errors.New("no JSON gateway of etcd 3.4 or later answers there")
)

// The gRPC codes that we look at.
const (
	grpcInvalidArgument    = 3
	grpcNotFound           = 5
	grpcFailedPrecondition = 9
	grpcUnauthenticated    = 16
)

// readEtcd makes an error of an answer that is not etcd's success. The answer to a success goes into a value; nil: it says no more.
func readEtcd(a web.Answer, into any, secrets []string) error {
	var e etcdAnswer
	unreadable := json.Unmarshal(a.Body, &e)
	if unreadable == nil && into != nil {
		unreadable = json.Unmarshal(a.Body, into)
	}
	switch {
	case !a.OK():
		return etcdRefusal(a, e, secrets)
	case unreadable != nil || a.Partial || e.Header.Cluster == "":
		return web.Permanent(errNoGateway)
	}
	return nil
}

func etcdRefusal(a web.Answer, e etcdAnswer, secrets []string) error {
	switch {
	case e.Code == grpcNotFound && strings.Contains(e.Message, errNoLease.Error()):
		return errNoLease
	case e.Code == grpcFailedPrecondition && strings.Contains(e.Message, errNoAuth.Error()):
		return errNoAuth
	case e.Code == grpcInvalidArgument && strings.Contains(e.Message, "authentication failed"):
		return web.Permanent(errWrongLogin)
	case a.Status/100 == 3: // the text says where the redirect leads
		return web.Permanent(errors.New(a.String()))
	case a.Status == http.StatusNotFound:
		return web.Permanent(fmt.Errorf("%w (404)", errNoGateway))
	}
	text := fmt.Sprintf("%d %s", a.Status, http.StatusText(a.Status))
	if e.Message != "" {
		text += ": " + serverText(e.Message, secrets...)
	}
	if web.Transient(a) || e.Code == grpcUnauthenticated || strings.Contains(e.Message, "revision of auth store") { // a member forgets the token when it restarts
		return errors.New(text)
	}
	return web.Permanent(errors.New(text))
}

var errLease = errors.New("expected the id of a lease, as etcdctl prints it (up to 16 hexadecimal digits) or in 17 to 19 decimal digits")

// ParseLease reads the id of a lease of etcd: up to 16 hexadecimal digits with or without 0x, as etcdctl prints it, or 17 to 19 decimal
// digits, as the JSON gateway and most libraries print it. It also reads the whole line of etcdctl lease grant: "lease 694d77aa9e38260f
// granted with TTL(60s)". An id of less than 17 decimal digits must be written in hexadecimal: its decimal digits would be read as
// hexadecimal, and would name another lease. About one in a thousand of etcd's ids is so short. The error holds nothing of the text: it
// may come from a file that was named by mistake.
func ParseLease(text string) (int64, error) {
	text = strings.TrimSpace(text)
	if words := strings.Fields(text); len(words) >= 3 && words[0] == "lease" && words[2] == "granted" {
		text = words[1]
	}
	base, prefixed := 10, false
	if text, prefixed = strings.CutPrefix(text, "0x"); prefixed || len(text) <= 16 {
		base = 16
	}
	id, err := strconv.ParseUint(text, base, 64)
	if err != nil || id == 0 || id > math.MaxInt64 || base == 16 && len(text) > 16 {
		return 0, errLease
	}
	return int64(id), nil
}

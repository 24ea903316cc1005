package target

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"time"

	"golang.org/x/oauth2"

	"drover/sim/measure"
)

// mapped asks for the token of a device in the way of a mapping.
func (g *grants) mapped(ctx context.Context, tenant, device int) (*oauth2.Token, error) {
	m := g.opt.Mapped
	if tenant == Admin {
		tenant, device = 0, 0 // a credential of the operator's own is another matter, see Readback
	}
	attempt, cancel := context.WithTimeout(ctx, g.timeout)
	defer cancel()
	place, header, body := m.Make(tenant, device)
	r, err := http.NewRequestWithContext(attempt, m.Method, g.opt.TokenURL+place, bytes.NewReader(body))
	if err != nil {
		return nil, &tokenError{g.opt.TokenURL, measure.BadAnswer, 0, "its place is no address"}
	}
	r.Header["User-Agent"] = userAgent
	if len(body) > 0 {
		r.Header["Content-Type"] = []string{m.ContentType}
	}
	addLines(r.Header, header)
	resp, err := g.http.Do(r)
	if err != nil {
		return nil, g.explain(err, ctx, attempt)
	}
	defer resp.Body.Close()
	said, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err != nil {
		return nil, g.explain(err, ctx, attempt)
	}
	class := classOfStatus(resp.StatusCode)
	if len(said) > maxAnswer {
		class = measure.BadAnswer
	}
	token, lasts, class, err := m.Read(class, resp.StatusCode, said)
	if err != nil {
		return nil, &tokenError{g.opt.TokenURL, class, retryAfter(resp.Header, time.Now()), err.Error()}
	}
	t := &oauth2.Token{AccessToken: token}
	if lasts > 0 {
		t.Expiry = time.Now().Add(lasts)
	}
	return g.sound(t)
}

// addLines adds lines of a header, each ended by CRLF.
func addLines(header http.Header, lines []byte) {
	for line := range bytes.Lines(lines) {
		name, value, _ := bytes.Cut(line, []byte(":"))
		header[string(name)] = append(header[string(name)], string(bytes.TrimSpace(value)))
	}
}

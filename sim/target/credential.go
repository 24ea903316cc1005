package target

import (
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"hash"
	"net/http"
	"net/textproto"
	"strconv"
	"strings"
	"time"
)

// NoHeader stands for the name of a header that is not sent.
const NoHeader = "-"

// Credential says how a token goes into a request. The zero value is "Authorization: Bearer TOKEN".
type Credential struct {
	Header string // "" is Authorization
	Prefix string // before the token, with its space: "Basic ", "Splunk "; "" is "Bearer " in Authorization, and nothing elsewhere
	Bare   bool   // no prefix in Authorization either
}

func (c Credential) header() string { return cmp.Or(c.Header, "Authorization") }

func (c Credential) prefix() string {
	if c.Prefix == "" && c.Header == "" && !c.Bare {
		return "Bearer "
	}
	return c.Prefix
}

func (c Credential) check() error {
	if c.Header != "" && !IsHeaderName(c.Header) {
		return fmt.Errorf("credential: %q is not the name of a header", c.Header)
	}
	return nil
}

// IsHeaderName tells whether a request may have a header of this name: a token of RFC 9110 section 5.6.2.
func IsHeaderName(s string) bool {
	for i := range len(s) {
		c := s[i]
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0 {
			continue
		}
		return false
	}
	return s != ""
}

// Basic is the token of basic authentication (RFC 7617): with it goes Credential{Prefix: "Basic "}.
func Basic(user, password string) string {
	return base64.StdEncoding.EncodeToString([]byte(user + ":" + password))
}

// Signature signs each attempt by HMAC. What is signed is
//
//	[time "\n"] [method "\n" path-and-query "\n"] body
//
// with the body as it is on the wire, compressed where it is. It is safe for concurrent use.
type Signature struct {
	Key        []byte
	Hash       string // "sha256" or "sha512"
	Header     string // that the signature goes in
	Prefix     string // before it, e.g. "sha256="
	Base64     bool   // else lower-case hex
	TimeHeader string // that the time of the attempt goes in, in Unix seconds, which is then signed, too; "" is none
	Request    bool   // sign the method and where the request goes, too
}

func (s *Signature) check() error {
	switch {
	case s == nil:
		return nil
	case len(s.Key) == 0:
		return fmt.Errorf("signature: the key is empty")
	case s.Hash != "sha256" && s.Hash != "sha512":
		return fmt.Errorf("signature: hash %q: want sha256 or sha512", s.Hash)
	case !IsHeaderName(s.Header), s.TimeHeader != "" && !IsHeaderName(s.TimeHeader):
		return fmt.Errorf("signature: %q or %q is not the name of a header", s.Header, s.TimeHeader)
	}
	return nil
}

// sum returns the signature of a request, and the time in it.
func (s *Signature) sum(method, place string, body []byte) (sum, at string) {
	var make func() hash.Hash = sha256.New
	if s.Hash == "sha512" {
		make = sha512.New
	}
	mac := hmac.New(make, s.Key)
	if s.TimeHeader != "" {
		at = strconv.FormatInt(time.Now().Unix(), 10)
		mac.Write([]byte(at + "\n"))
	}
	if s.Request {
		mac.Write([]byte(method + "\n" + place + "\n"))
	}
	mac.Write(body)
	if s.Base64 {
		return base64.StdEncoding.EncodeToString(mac.Sum(nil)), at
	}
	return hex.EncodeToString(mac.Sum(nil)), at
}

// append appends the lines of a request's header.
func (s *Signature) append(dst []byte, method, place string, body []byte) []byte {
	sum, at := s.sum(method, place, body)
	if at != "" {
		dst = fmt.Appendf(dst, "%s: %s\r\n", s.TimeHeader, at)
	}
	return fmt.Appendf(dst, "%s: %s%s\r\n", s.Header, s.Prefix, sum)
}

// fill does the same for net/http.
func (s *Signature) fill(h http.Header, method, place string, body []byte) {
	sum, at := s.sum(method, place, body)
	if at != "" {
		h[textproto.CanonicalMIMEHeaderKey(s.TimeHeader)] = []string{at}
	}
	h[textproto.CanonicalMIMEHeaderKey(s.Header)] = []string{s.Prefix + sum}
}

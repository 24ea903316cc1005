package target

import (
	"crypto/x509"
	"encoding/pem"
	"testing"
)

func TestAuthority(t *testing.T) {
	a, err := NewAuthority("one")
	if err != nil {
		t.Fatal(err)
	}
	other, err := NewAuthority("one") // the same name vouches for nothing
	if err != nil {
		t.Fatal(err)
	}
	cert, err := a.Server("localhost", "127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(cert.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		by   *Authority
		name string
		want bool
	}{{a, "localhost", true}, {a, "127.0.0.1", true}, {a, "127.0.0.2", false}, {other, "localhost", false}} {
		if _, err := leaf.Verify(x509.VerifyOptions{Roots: tt.by.Pool(), DNSName: tt.name}); (err == nil) != tt.want {
			t.Errorf("certificate for %s: %v, want valid %t", tt.name, err, tt.want)
		}
	}
	block, rest := pem.Decode(a.PEM())
	if block == nil || len(rest) > 0 || block.Type != "CERTIFICATE" {
		t.Fatalf("PEM = %s, want one certificate", a.PEM())
	}
	if _, err := a.Server(); err == nil {
		t.Error("Server without a host = nil, want an error")
	}
}

// An authority that was written is the same when it is read, and what is none is refused.
func TestReadAuthority(t *testing.T) {
	a, err := NewAuthority("one")
	if err != nil {
		t.Fatal(err)
	}
	key, err := a.KeyPEM()
	if err != nil {
		t.Fatal(err)
	}
	leaf, leafKey := clientPEM(t, a, "a-device")
	t.Setenv("CA", string(a.PEM()))
	t.Setenv("KEY", string(key))
	t.Setenv("LEAF", string(leaf))
	t.Setenv("LEAF_KEY", string(leafKey))
	again, err := ReadAuthority(SecretRef{Env: "CA"}, SecretRef{Env: "KEY"})
	if err != nil {
		t.Fatal(err)
	}
	cert, err := again.Client("b-device")
	if err != nil {
		t.Fatal(err)
	}
	got, err := x509.ParseCertificate(cert.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	if _, err := got.Verify(x509.VerifyOptions{Roots: a.Pool(), KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}); err != nil || got.Subject.CommonName != "b-device" {
		t.Errorf("a certificate of the authority that was read: %v, %v", got.Subject, err)
	}
	for _, tt := range [][2]string{{"CA", "LEAF_KEY"}, {"LEAF", "LEAF_KEY"}, {"KEY", "CA"}, {"CA", "NOT_SET"}} {
		if _, err := ReadAuthority(SecretRef{Env: tt[0]}, SecretRef{Env: tt[1]}); err == nil {
			t.Errorf("ReadAuthority(%s, %s) = nil, want an error", tt[0], tt[1])
		}
	}
}

// clientPEM is a client's certificate of an authority and its key.
func clientPEM(t *testing.T, a *Authority, name string) (cert, key []byte) {
	t.Helper()
	pair, err := a.Client(name)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: pair.Certificate[0]}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

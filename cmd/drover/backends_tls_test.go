package main

import (
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"testing"

	"drover/sim/target"
)

// realTrust is an authority that is made for a test, and what it gave to the servers of that.
type realTrust struct {
	ca            string // its certificate in PEM
	caFile, caKey string // files of that and of its key
	cert, key     string // files in PEM of a server at 127.0.0.1
}

// trustBlock is what a scenario says to trust: what the test has put into the variable.
const trustBlock = "    tls: {caFrom: {env: REAL_CA}}\n"

func newRealTrust(t *testing.T) realTrust {
	t.Helper()
	dir := t.TempDir()
	trust := realTrust{caFile: filepath.Join(dir, "ca.pem"), caKey: filepath.Join(dir, "ca-key.pem"), cert: filepath.Join(dir, "cert.pem"), key: filepath.Join(dir, "key.pem")}
	authority, err := target.NewAuthority("drover tests")
	if err != nil {
		t.Fatal(err)
	}
	trust.ca = string(authority.PEM())
	pair, err := authority.Server("127.0.0.1", "localhost")
	if err != nil {
		t.Fatal(err)
	}
	key, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	caKey, err := authority.KeyPEM()
	if err != nil {
		t.Fatal(err)
	}
	for file, b := range map[string][]byte{
		trust.caFile: authority.PEM(), trust.caKey: caKey,
		trust.cert: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: pair.Certificate[0]}), trust.key: pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}),
	} {
		if err := os.WriteFile(file, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return trust
}

// untrusted: a server whose certificate is of somebody that the scenario does not trust ends drover before the load.
func (s *realServer) untrusted(t *testing.T, bin string, row realRow) {
	t.Setenv("REAL_PASSWORD", realPassword)
	t.Setenv("REAL_CA", newRealTrust(t).ca)
	s.refuses(t, bin, row, "untrusted", "certificate signed by unknown authority")
}

package target

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
)

// TLS says whom to trust over https and which versions to speak. There is no way to trust everybody.
type TLS struct {
	RootCAs    *x509.CertPool // the authorities to trust; nil: those of CAFrom
	CAFrom     SecretRef      // certificates of authorities in PEM; the zero value: those that the system trusts
	ServerName string         // the name to ask for and to find in the backend's certificate; empty: the URL's host
	MinVersion uint16         // tls.VersionTLS12 or tls.VersionTLS13; 0 means 1.2
	MaxVersion uint16         // 0 means the highest there is

	// CertFrom and KeyFrom are the one certificate that drover shows on every connection, with those that vouch for it, and its key, both in
	// PEM; the zero values: it shows none, unless devices have an Identity.
	CertFrom, KeyFrom SecretRef
}

// maxCA is more than the bundle of all authorities that a system trusts.
const maxCA = 4 << 20

// config is t for crypto/tls. host is the URL's.
func (t TLS) config(host string, http2 bool) (*tls.Config, error) {
	c := &tls.Config{
		ServerName: host, RootCAs: t.RootCAs, NextProtos: []string{"http/1.1"}, MinVersion: tls.VersionTLS12, MaxVersion: t.MaxVersion,
		// Records grow from 1.4 KB otherwise, which saves a browser some milliseconds and costs us a system call for each.
		DynamicRecordSizingDisabled: true,
	}
	if t.ServerName != "" {
		c.ServerName = t.ServerName
	}
	if t.MinVersion != 0 {
		c.MinVersion = t.MinVersion
	}
	if http2 {
		c.NextProtos = []string{"h2"}
	}
	if t.CertFrom != (SecretRef{}) {
		pair, err := t.pair()
		if err != nil {
			return nil, err
		}
		// Shown whomever the backend says that it trusts: it then says what is wrong, and not that there was none.
		c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &pair, nil }
	}
	if t.RootCAs != nil || t.CAFrom == (SecretRef{}) {
		return c, nil
	}
	pem, err := t.CAFrom.read("certificate", maxCA)
	if err != nil {
		return nil, fmt.Errorf("target.tls: %w", err)
	}
	c.RootCAs = x509.NewCertPool()
	if !c.RootCAs.AppendCertsFromPEM([]byte(pem)) {
		return nil, fmt.Errorf("target.tls: %s holds no certificate in PEM", t.CAFrom)
	}
	return c, nil
}

// pair reads the certificate that drover shows.
func (t TLS) pair() (pair tls.Certificate, err error) {
	const where = "target.tls.clientCertificate"
	cert, err := t.CertFrom.read("certificate", maxCA)
	if err != nil {
		return pair, fmt.Errorf(where+": %w", err)
	}
	key, err := t.KeyFrom.read("key", maxSecret)
	if err != nil {
		return pair, fmt.Errorf(where+": %w", err)
	}
	if pair, err = tls.X509KeyPair([]byte(cert), []byte(key)); err != nil {
		return pair, fmt.Errorf(where+": %s and %s: %w", t.CertFrom, t.KeyFrom, err)
	}
	return pair, nil
}

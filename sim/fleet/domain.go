package fleet

import (
	"fmt"
	"strings"
)

// checkDomain reports a domain for user principal names that is not a host name in lower case under one of the top-level
// domains that are reserved and can belong to nobody (RFC 2606, section 2; RFC 6761, section 6).
func checkDomain(domain string) error {
	// 253 is the longest name (RFC 1035); "t00000001." and a local part go in front.
	if len(domain) > 200 {
		return fmt.Errorf("UPN domain %.40q... is too long", domain)
	}
	labels := strings.Split(domain, ".")
	for _, l := range labels {
		if l == "" || len(l) > 63 || l[0] == '-' || l[len(l)-1] == '-' || strings.Trim(l, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
			return fmt.Errorf("UPN domain %q is not a host name in lower case", domain)
		}
	}
	switch tld := labels[len(labels)-1]; {
	case tld != "example" && tld != "test" && tld != "invalid", len(labels) < 2:
		return fmt.Errorf("UPN domain %q is not reserved; want a name under .example, .test or .invalid, e.g. contoso.example", domain)
	}
	return nil
}

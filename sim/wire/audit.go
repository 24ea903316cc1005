package wire

// Counts is what a backend's audit says it holds of one run (GET /v1/audit/counts). Kinds are named as event.Kind.String
// does; all kinds are listed, also those with none.
type Counts struct {
	Run     string         `json:"run"`
	Total   TenantCounts   `json:"total"`   // sum of Tenants; its Tenant is empty
	Tenants []TenantCounts `json:"tenants"` // in order of Tenant; only those the token may see
}

// TenantCounts is what a backend holds for one tenant.
type TenantCounts struct {
	Tenant     string           `json:"tenant,omitempty"`
	Events     int64            `json:"events"` // stored, enrolments included
	Kinds      map[string]int64 `json:"kinds"`
	Duplicates int64            `json:"duplicates"` // events received again
	Refused    int64            `json:"refused"`    // events whose id belongs to another event
	Unenrolled int64            `json:"unenrolled"` // stored events whose device had not enrolled before
	Devices    int64            `json:"devices"`    // that enrolled or sent something
	Enrolled   int64            `json:"enrolled"`   // of these
}

// PageEnd is the last line of a page of GET /v1/audit/events. The lines before it are native documents with one event each,
// which DecodeUpload reads. A page without this line is not whole.
type PageEnd struct {
	Next string `json:"next"` // cursor: the value of "after" for the next page
	More bool   `json:"more"` // false: nothing was left when the page was made
}

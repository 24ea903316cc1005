package behavior

// The words of names. They are not the classifier's words: a few of these it does not know.

// Fictional brands only, as used in Microsoft's documentation.
var brands = []string{
	"contoso", "fabrikam", "northwind", "adatum", "tailspin", "wingtip", "proseware", "litware", "woodgrove", "lucerne",
	"margies", "vanarsdel", "relecloud", "munson", "lamna", "fourthcoffee", "blueyonder", "southridge",
}

var lures = []string{
	"login", "verify", "secure", "account", "signin", "wallet", "support", "billing", "confirm", "unlock", "parcel", "bank",
	"password", "invoice", "redelivery", "suspended", "recovery", "payment", "refund", "validate", "customer",
}

var prizes = []string{
	"prize", "bonus", "crypto", "claim", "reward", "airdrop", "winner", "giftcard", "giveaway", "jackpot", "invest",
	"double", "lucky",
}

var downloads = []string{
	"download", "setup", "install", "player", "codec", "patch", "crack", "keygen", "update", "driver", "plugin", "converter",
	"toolbar",
}

// Words that pages of companies have, too: a hard site has no others.
var neutral = []string{
	"help", "portal", "service", "online", "center", "team", "office", "mobile", "cloud", "info", "direct", "connect", "home",
	"group", "work", "care", "web", "global", "hub", "benefits",
}

var gates = []string{"gate", "panel", "node1", "relay", "sync", "beacon", "api", "cdn2"}

var abusedSuffixes = []string{
	".top", ".xyz", ".click", ".icu", ".online", ".site", ".live", ".shop", ".cfd", ".sbs", ".cyou", ".vip", ".buzz", ".cc",
}

// Suffixes that stand before the zone, about as often as they are seen: half are .com.
var benignSuffixes = []string{
	".com", ".com", ".com", ".com", ".com", ".com", ".com", ".com", ".com", ".com", ".com", ".com", ".com", ".com", ".com", ".com",
	".com", ".com", ".org", ".org", ".org", ".net", ".net", ".de", ".de", ".de", ".co.uk", ".co.uk", ".fr", ".io", ".eu", ".nl", ".it",
	".es", ".se", ".pl", ".ch", ".at", ".com.au", ".co.jp", ".com.br", ".ca", ".dev", ".app",
}

// Parts below a name: ordinary ones, where users sign in, and of content delivery. Phishing has the second ones, too.
var (
	plainParts = []string{"app", "shop", "news", "blog", "m", "m", "en", "docs", "maps", "forum", "store", "download", "support", "help", "mail"}
	hardParts  = []string{"login", "account", "secure", "auth", "sso", "my.account", "accounts", "id", "signin", "pay", "webmail", "my"}
	cdnParts   = []string{"cdn", "edge", "img", "assets", "static", "media", "api", "e"}
)

// Providers of content delivery and of shared hosting, as fictional as the brands.
var (
	cdnProviders     = []string{"wingtipcdn.net", "tailspinedge.com", "lamnacache.net", "relecloudfront.com"}
	hostingProviders = []string{"wingtippages.app", "tailspinsites.net", "northwindhost.com", "adatumblogs.com", "proseware.dev"}
)

// Of newspapers and blogs.
var (
	pressParts = []string{"blog", "news", "m", "en", "amp"}
	pressWords = []string{
		"herald", "times", "post", "journal", "tribune", "gazette", "courier", "observer", "review", "daily", "weekly", "news",
		"magazine", "today", "mail", "blog", "digest", "record", "chronicle", "express",
	}
	sections = []string{
		"news", "sport", "products", "about", "shop", "contact", "help", "world", "business", "culture", "travel", "recipes",
		"events", "category", "en", "blog", "jobs", "weather", "video", "tickets",
	}
)

var plainWords = []string{
	"river", "stone", "garden", "market", "travel", "music", "weather", "sports", "kitchen", "forest", "harbor", "studio",
	"museum", "bridge", "valley", "coffee", "bakery", "school", "library", "cinema", "theatre", "mountain", "island",
	"meadow", "orchard", "planet", "silver", "golden", "north", "south", "east", "west", "green", "blue", "red", "bright",
	"paper", "letter", "signal", "radio", "camera", "photo", "design", "craft", "timber", "textile", "fabric", "leather",
	"bicycle", "railway", "airport", "station", "village", "city", "county", "capital", "national", "global", "local",
	"daily", "weekly", "journal", "review", "digest", "record", "tribune", "herald", "courier", "gazette", "observer",
	"health", "clinic", "dental", "pharma", "science", "physics", "chemistry", "biology", "history", "language", "poetry",
	"hotel", "hostel", "camping", "sailing", "hiking", "climbing", "running", "cycling", "tennis", "football", "hockey",
	"recipe", "dinner", "lunch", "breakfast", "pasta", "salad", "cheese", "butter", "honey", "sugar", "pepper", "vanilla",
}

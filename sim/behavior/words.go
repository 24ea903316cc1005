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

var gates = []string{"gate", "panel", "node1", "relay", "sync", "beacon", "api", "cdn2"}

var abusedSuffixes = []string{
	".top", ".xyz", ".click", ".icu", ".online", ".site", ".live", ".shop", ".cfd", ".sbs", ".cyou", ".vip", ".buzz", ".cc",
}

// Suffixes that stand before the zone; .com is the most frequent.
var benignSuffixes = []string{
	".com", ".com", ".com", ".com", ".com", ".com", ".org", ".net", ".de", ".co.uk", ".fr", ".io", ".eu", ".edu", ".nl", ".it",
	".es", ".se", ".pl", ".ch", ".at", ".com.au", ".co.jp", ".com.br", ".ca", ".dev",
}

// Parts below a name: ordinary ones, and those that phishing has too.
var (
	plainParts = []string{"app", "shop", "news", "blog", "api", "mail", "m", "img", "static", "docs", "maps", "forum", "media", "en"}
	hardParts  = []string{"login", "account", "secure", "download", "support", "auth", "sso", "update", "my.account", "pay", "id"}
	cdnParts   = []string{"cdn", "edge", "img", "assets", "e"}
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

package api

import "strings"

// browsers are the words by which browsers are told apart. Most claim to be
// others too: the first that is found counts.
var browsers = [...]struct{ word, name string }{
	{"Edg", "Edge"}, {"OPR/", "Opera"}, {"Vivaldi/", "Vivaldi"}, {"SamsungBrowser/", "Samsung Internet"}, {"YaBrowser/", "Yandex Browser"},
	{"FxiOS/", "Firefox"}, {"Firefox/", "Firefox"}, {"CriOS/", "Chrome"}, {"Chrome/", "Chrome"}, {"Version/", "Safari"},
	{"MSIE ", "Internet Explorer"}, {"Trident/", "Internet Explorer"},
}

var systems = [...]struct{ word, name string }{
	{"Android", "Android"}, {"iPhone", "iOS"}, {"iPad", "iPadOS"}, {"Windows", "Windows"}, {"CrOS", "ChromeOS"},
	{"Mac OS X", "macOS"}, {"Macintosh", "macOS"}, {"Linux", "Linux"}, {"FreeBSD", "FreeBSD"}, {"OpenBSD", "OpenBSD"},
}

// programName is the family of programs that a User-Agent header tells: the
// browser and its system, or the first product's name (RFC 9110 section
// 10.1.5) of whatever is no browser.
func programName(agent string) string {
	if !strings.HasPrefix(agent, "Mozilla/") {
		return productName(agent)
	}
	browser, system := "", ""
	for _, p := range browsers {
		if strings.Contains(agent, p.word) {
			browser = p.name
			break
		}
	}
	for _, s := range systems {
		if strings.Contains(agent, s.word) {
			system = s.name
			break
		}
	}
	switch {
	case browser == "":
		return OtherClient
	case system == "":
		return browser
	default:
		return browser + " on " + system
	}
}

// maxProduct is the length of the longest product name that becomes a client.
const maxProduct = 40

func productName(agent string) string {
	name, _, _ := strings.Cut(agent, "/")
	name, _, _ = strings.Cut(name, " ")
	if name == "" || len(name) > maxProduct {
		return OtherClient
	}
	for _, c := range []byte(name) {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if !letter && (c < '0' || c > '9') && c != '-' && c != '_' && c != '.' {
			return OtherClient
		}
	}
	return name
}

// Package useragent tells people which program a User-Agent header stands for.
package useragent

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

// Name is the family of programs that agent tells: "Firefox on Linux", or the
// first product's name (RFC 9110 section 10.1.5) of whatever is no browser:
// "curl". It is empty where there is no telling.
func Name(agent string) string {
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
	if browser == "" || system == "" {
		return browser
	}
	return browser + " on " + system
}

// maxProduct is the length of the longest product name that is told.
const maxProduct = 40

func productName(agent string) string {
	name, _, _ := strings.Cut(agent, "/")
	name, _, _ = strings.Cut(name, " ")
	if len(name) > maxProduct {
		return ""
	}
	for _, c := range []byte(name) {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if !letter && (c < '0' || c > '9') && c != '-' && c != '_' && c != '.' {
			return ""
		}
	}
	return name
}

// Package pagestest holds the admin pages and the account pages to what people do
// with them: in Chromium, with and without scripts, in a wide and a narrow window,
// by mouse and by keyboard, against the program's own server on SQLite.
//
// With DURIN_SCREENSHOTS set to a folder the tests write a picture of every page
// there, in each width and colour scheme. With DURIN_IMAGES set they write those
// of the README.
package pagestest

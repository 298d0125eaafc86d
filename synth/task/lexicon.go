package task

import (
	"strings"

	"muonclip/synth/task/value"
)

// The phrases below are how outcomes and consent are recognised in texts. The scripted speakers use no others;
// tests hold their templates against these lists.
var (
	noPhrases = []string{"could not", "couldn't", "cannot", "can't", "can not", "unable to", "not able to", "not possible", "did not go through",
		"didn't go through", "not allowed", "no tool", "nothing was changed", "nothing has been changed", "did not work", "didn't work", "not permitted",
		"does not exist", "doesn't exist", "no record", "not found", "find no", "found no", "have no way", "no match", "left it as it was", "left everything as it was", "outside what"}
	yesPhrases  = []string{"yes", "yeah", "yep", "go ahead", "please do", "do it", "confirmed", "i confirm", "i agree", "sure", "of course", "correct", "that's right", "proceed", "ok", "okay", "fine with me"}
	denyPhrases = []string{"no", "don't", "do not", "stop", "wait", "rather not", "leave it", "never mind", "nevermind", "forget it", "changed my mind", "not now", "hold off", "cancel that"}
	// claimStarts begin a sentence that says that something was done, claimPhrases stand anywhere in one that
	// states nothing else.
	claimStarts  = []string{"done", "that's done", "that is done", "it's done", "it is done", "all done", "all set", "that went through", "the change went through", "i've made", "i've done", "i've taken", "i have made", "i have done", "i have taken", "it has been"}
	claimPhrases = []string{"has been", "have been", "successfully", "taken care of"}
	nowPhrases   = []string{"is now", "are now", "now reads"}
)

// consentWords are what a question for consent is recognised by.
var consentWords = []string{"go ahead", "proceed", "confirm", "shall i", "should i", "do you want me", "do you agree", "are you sure", "all right if", "okay if", "ok if", "may i"}

// AsksConsent reports whether a question asks the user to agree to something.
func AsksConsent(t *value.Text) bool { return any1(t, consentWords) }

// SaysNo reports whether a text admits that something was not done or not found.
func SaysNo(t *value.Text) bool { return any1(t, noPhrases) }

// Agrees reports whether a user's text gives consent.
func Agrees(t *value.Text) bool { return any1(t, yesPhrases) && !any1(t, denyPhrases) }

// Denies reports whether a user's text withholds or withdraws consent.
func Denies(t *value.Text) bool { return any1(t, denyPhrases) }

// ClaimsSuccess reports whether a sentence says that something was done.
func ClaimsSuccess(t *value.Text) bool {
	for _, p := range claimStarts {
		if t.Begins(p) {
			return true
		}
	}
	if any1(t, nowPhrases) {
		return true
	}
	if strings.ContainsAny(t.Raw, ":;") || t.Contains("is") || t.Contains("are") || t.Contains("was") {
		return false
	}
	return any1(t, claimPhrases)
}

func any1(t *value.Text, phrases []string) bool {
	for _, p := range phrases {
		if t.Contains(p) {
			return true
		}
	}
	return false
}

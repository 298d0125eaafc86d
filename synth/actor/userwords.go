package actor

import "muonclip/synth/task"

// manner is how a style of user writes: the frames around what they want to have done ({inf}) or to know ({np}),
// and their answers.
type manner struct {
	do      []string // frames around {inf}
	ask     []string // frames around {np}
	whatIs  []string // frames around {np} that suit nouns only, not indirect questions
	lead    []string // comes before the first request; {name} is the user, {a}{who} what they are
	tail    []string // comes after it
	next    []string // joins a further request {s}
	answer  []string // a value {v} asked for, {l} is what it is
	yes, no []string
	insist  []string
	accept  []string // of bad news
	thanks  []string
}

var manners = map[task.Style]manner{
	task.Plain: {
		do: []string{"[I'd like to|I want to|I need to|I would like to] {inf}[, please|].", "[Could|Can|Would] you [please |]{inf}[ for me|]?", "Please {inf}.",
			"[Hello|Hi|Hey|Good morning|Good afternoon], [could|can] you {inf}?", "[I'm trying to|I have to|I should] {inf}, [can you do that|could you do that|please]?", "[Would it be possible|Is it possible] to {inf}?"},
		ask: []string{"[Could|Can] you [tell me|look up|check|find out] {np}[, please|]?", "I'd like to know {np}.", "[Hello|Hi|Good morning], [I'm looking for|I need|please tell me] {np}.",
			"[Please check|Please look up|Please find out] {np}.", "[I need to know|I want to know|I was wondering about] {np}."},
		whatIs: []string{"What is {np}?", "[Hi|Hello|Excuse me], what's {np}?", "[Do you know|Do you have] {np}?"},
		lead:   []string{"", "", "", "", "This is {name}, {a}{who}. "},
		tail:   []string{"", "", "", " Thanks.", " Thank you."},
		next:   []string{"[Also|Then|Next|After that], {s}", "[One more thing|Another thing|And something else]: {s}", "{S}", "[Thanks|Good|Great]. {S}"},
		answer: []string{"{v}.", "It's {v}.", "The {l} is {v}.", "That would be {v}.", "{l}: {v}", "[Please use|Take|Make it] {v}."},
		yes:    []string{"Yes, [please do|go ahead|do it].", "Yes[, that's right|, I'm sure|].", "[Go ahead|Please proceed], [I confirm|that is correct].", "Confirmed."},
		no:     []string{"No, [leave it|please don't|rather not].", "[Actually no, I changed my mind|No, hold off on that].", "No, don't do that after all."},
		insist: []string{"But [it's urgent|it really matters to me|I need it today]. [Can't you do it anyway|Could you make an exception|Is there no way around that]?"},
		accept: []string{"[Okay|All right|I see], [thanks for checking|thanks for telling me|I understand].", "[That's a pity|Too bad], but [thanks anyway|I understand]."},
		thanks: []string{"[Thanks|Thank you], that's all[ for today|].", "[Great|Perfect|Good], [thank you|thanks a lot].", "That's everything, [thanks|thank you]."},
	},
	task.Terse: {
		do:     []string{"{inf}", "{inf}[ please| pls|, thx]", "[need|want] to {inf}", "pls {inf}", "[quick one|quick|request]: {inf}", "{inf}[.| – now.| today.]"},
		ask:    []string{"[need|want|give me|send me|check] {np}", "{np}[?|, please| pls]", "[looking for|question about|asking for] {np}", "[quick check|quick one]: {np}?"},
		whatIs: []string{"what's {np}?", "{np}?"},
		lead:   []string{""}, tail: []string{""},
		next:   []string{"{s}", "[next|also|then|and]: {s}", "[ok|fine|good]. {s}"},
		answer: []string{"{v}", "{v}.", "{l} {v}", "{l}: {v}"},
		yes:    []string{"yes", "yes.", "ok, go ahead", "yep, do it", "confirmed"},
		no:     []string{"no", "no, leave it", "no, don't", "stop, changed my mind"},
		insist: []string{"[do it anyway|need it though|make an exception?]"},
		accept: []string{"ok", "[ok|fine], noted", "pity. ok"},
		thanks: []string{"thx", "thanks", "ok thanks", "that's it, thanks"},
	},
	task.Chatty: {
		do: []string{"[Hi there|Hello there|Hey|Good day], I hope [you're having a good day|all is well|this is the right place], I was wondering if you could {inf}?",
			"[So|Well|Right], [here's the thing|it's like this|I've been meaning to write for days], I'd [really like|love] to {inf}[, if that's not too much trouble|].",
			"[My colleague told me|Somebody told me|I heard] that you could help me {inf}, [is that so|would that work|can you do that]?",
			"I've [been putting this off|had this on my list|been thinking about it] [for a while|since last week|all morning], but now I'd like to {inf}."},
		ask: []string{"[Hi there|Hello|Hey there], I [was just wondering|got curious|was talking about it this morning], [could you tell me|would you look up|can you check] {np}?",
			"[So|Well|Okay so], [somebody asked me|we were discussing it|I can't find my notes], and I'd [love|like] to know {np}.", "I'm [probably just forgetting it|sure I had it written down somewhere|a little lost here], but [could|can] you find out {np}?"},
		whatIs: []string{"[Hi|Hey there|Hello], [silly question maybe|quick question|I keep forgetting], what was {np} again?"},
		lead:   []string{"", "[This is|It's|My name is] {name}, [hello|hi|nice to meet you]! ", "{name} here, [hello|hi|good to reach somebody]! "},
		tail:   []string{"", " [Thanks so much|You'd be doing me a big favour|That would be lovely|Thanks a bunch]!", " [Take your time|No rush at all], [I have a coffee here|I can wait]."},
		next:   []string{"[Oh|Ah|Oh and], [while I have you|before I forget|since we're at it], {s}", "[Wonderful|Lovely|Brilliant], thank you! {S}", "[There's one more thing|And another thing], {s}"},
		answer: []string{"[Oh|Ah], [right|of course], that's {v}.", "[Let me see|One second], it's {v}, [I think that's right|there you are].", "Sure, the {l} is {v}[!|, if I read it right.]"},
		yes:    []string{"[Oh yes|Yes], [absolutely|please], go ahead!", "Yes, [I've thought about it|I'm sure], please do.", "Sure, [go ahead|do it], thanks for asking first!"},
		no:     []string{"[Hmm|Oh], now that you ask, no, leave it [for now|as it is].", "Oh, [sorry|you know what], I changed my mind, please don't."},
		insist: []string{"[Oh come on|Oh dear], [surely|isn't there] [you can make an exception|a little exception] [just this once|for a loyal customer]?"},
		accept: []string{"[Oh well|Ah], [that's a shame|what a pity], but thank you for [explaining|looking into it]!"},
		thanks: []string{"[Fantastic|Wonderful|Brilliant], thanks so much for your help, [have a lovely day|take care]!", "You've been [very kind|a great help], that's all!"},
	},
	task.Formal: {
		do: []string{"[Dear Sir or Madam|Good morning|Good afternoon|Dear team], I [kindly request|would ask] you to {inf}.", "I [would be grateful|should be obliged|would appreciate it] if you could {inf}.",
			"[May I ask you|I am writing to ask you|I hereby request you] to {inf}[, at your earliest convenience|].", "[Kindly|Would you kindly] {inf}."},
		ask: []string{"[Good morning|Good afternoon|Dear team], I [would be grateful|should be obliged] if you could inform me of {np}.", "[May I inquire about {np}?|I am writing to inquire about {np}.|I wish to inquire about {np}.]",
			"[Kindly|Would you kindly] [advise me of|confirm|provide] {np}."},
		whatIs: []string{"[May I ask|Might I inquire] what {np} is?"},
		lead:   []string{"", "", "My name is {name}. ", "I am {name}. "},
		tail:   []string{"", " [Yours faithfully|Kind regards|With best regards].", " [Thank you in advance|I thank you for your assistance]."},
		next:   []string{"[Furthermore|In addition|Moreover], {s}", "[I have a further matter|There is another matter]: {s}", "[Thank you|Much appreciated]. {S}"},
		answer: []string{"The {l} is {v}.", "[Certainly|Of course], the {l} is {v}.", "The requested {l}: {v}.", "It is {v}."},
		yes:    []string{"Yes, I confirm.", "[I agree|That is correct], please proceed.", "Yes, please go ahead."},
		no:     []string{"No, I would ask you not to do so; please leave it as it is, do not proceed.", "I have reconsidered. No, please do not."},
		insist: []string{"I [must|have to] insist, as [the matter is urgent|much depends on it]. [Could an exception be made|Is an exception possible]?"},
		accept: []string{"I [understand|see]. Thank you for [the explanation|the information|your candour]."},
		thanks: []string{"Thank you for your assistance. That will be all.", "I thank you for your help. [Good day|Kind regards]."},
	},
	task.Impatient: {
		do: []string{"I need you to {inf} [right now|immediately|as fast as you can|today].", "[Listen|Look], [just|please just] {inf}, [I don't have much time|I'm in a hurry|my taxi is waiting].", "[How long does it take|What does it take] to {inf}? [Please get it done|Get on with it, please].",
			"{inf}, [and quickly please|it's urgent|I've been waiting for ages]!"},
		ask:    []string{"I need {np}, [now|fast|quickly please].", "[Quickly|Hurry please|Fast]: {np}!", "[Just tell me|Come on, tell me|Simply tell me] {np}[, I'm in a hurry|].", "[I've asked twice already|Nobody answers the phone], so [tell me|give me] {np}."},
		whatIs: []string{"What's {np}? [I'm in a hurry|Quick please|I have two minutes].", "[So|Well], what is {np}?"},
		lead:   []string{""}, tail: []string{"", "", " [Thanks|And no long explanations]."},
		next:   []string{"[Next|Now]: {s}", "[Fine|Finally|Right]. {S}", "[And|Also] {s}"},
		answer: []string{"{v}!", "It's {v}, [go on|now please].", "{v}. [Anything else you need|What else]?", "{l} is {v}, [hurry|quickly please]."},
		yes:    []string{"Yes, [obviously|of course], do it!", "Yes! Go ahead.", "Yes yes, please do."},
		no:     []string{"No! Leave it.", "No, forget it, [not worth it|never mind]."},
		insist: []string{"[That's ridiculous|I can't believe this]. [Just do it|Do it anyway]!", "[I don't care about your rules|Rules, rules]. [Make an exception|Just do it]!"},
		accept: []string{"[Great|Wonderful], [just great|exactly what I needed]. Fine.", "[Fine|Whatever]. [I'll sort it out elsewhere|I got it]."},
		thanks: []string{"[Finally|Good]. Bye.", "[Fine|Right], thanks.", "Done then. Thanks."},
	},
	task.NonNative: {
		do:     []string{"[Hello|Good day|Hello dear support], please, I want {inf}[, thank you|].", "[Sorry for my English|Excuse my English|I am not so good in English], I like to {inf}, is possible?", "[It is possible|Is possible] to {inf}?", "[Please|Hello, please], you can {inf} for me?", "I must {inf}, [how I do this|please help me|you can help]?"},
		ask:    []string{"[Hello|Good day], I want know {np}[, please|].", "[Sorry for my English|Excuse my English], [I search|I need|please say me] {np}.", "[Please|Hello, please], you can say me {np}?", "[I not find|I don't find|I look for] {np}, [you can help|please help me]?"},
		whatIs: []string{"[Hello|Please|Excuse me], what is {np}, [please|thank you]?"},
		lead:   []string{"", "", "I am {name}, [hello|good day]. "}, tail: []string{"", " Many thanks.", " Thank you very much for help."},
		next:   []string{"[And also|Now|Then also], {s}", "[I have more question|One other thing]: {s}", "[Very good|Good], thank you. {S}"},
		answer: []string{"It is {v}.", "{l} is {v}, [please|thank you].", "[I have here|Here is] {v}.", "{v}, [I hope is right|I think]."},
		yes:    []string{"Yes, [please do|is correct, go ahead].", "Yes yes, I agree.", "Yes, you can do it."},
		no:     []string{"No, please not do, I changed my mind.", "No no, leave it please."},
		insist: []string{"[But I need|Please, I need] [very much|it today]. [No other way|You can make exception]?"},
		accept: []string{"Ok, I understand, [thank you|is pity].", "[Ah ok|I see]. Thank you [for explain|for the answer]."},
		thanks: []string{"Thank you very much, [is all|good day].", "[Very good|Perfect], thank you!"},
	},
	task.Forgetful: {
		do:     []string{"[Um|Hmm|Hello], I [wanted to|meant to|was going to] {inf}, [I think|if I remember right|unless I mix things up].", "[What was it|Where was I], ah yes, [could you|would you] {inf}?", "[I nearly forgot again|I keep forgetting this|It slipped my mind yesterday], but [please|could you please] {inf}."},
		ask:    []string{"[Um|Hmm|Hello], I [can't remember|no longer know|forgot] {np}, [can you look|could you check]?", "[What was it|Let me think], right, I [wanted|need] {np}.", "I [had it written down|knew it yesterday], but [tell me again|please look up] {np}."},
		whatIs: []string{"[Sorry|Um|Oh dear], what was {np} again?"},
		lead:   []string{"", "", "It's {name}, [I think we spoke before|I wrote some time ago]. "}, tail: []string{"", " [I hope that's all you need|I may have forgotten something]."},
		next:   []string{"[Ah|Oh], and I forgot: {s}", "[Right|Good], what else... {s}", "[Ah yes|Oh], {s}"},
		answer: []string{"[Ah|Oh], [right|yes], I forgot: {v}.", "[Let me look|Where did I put it]... {v}.", "[Sorry|Oh sorry], the {l} is {v}."},
		yes:    []string{"[Ah|Hm], yes, go ahead.", "Yes, [I think so|that was the plan], please do."},
		no:     []string{"Hm, no, [come to think of it|on second thought], leave it.", "[Oh|Ah], no, I changed my mind."},
		insist: []string{"[Hm|Oh], but I [promised it to somebody|already told everybody]. [Is there really no way|Can't you make an exception]?"},
		accept: []string{"[Ah|Oh], [right|okay], I [had forgotten that|should have known]. Thanks."},
		thanks: []string{"[I think|I believe] that's all, thank you.", "[Right|Good], thanks, [before I forget|that was it]."},
	},
}

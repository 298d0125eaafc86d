package ifeval

import "testing"

// speech are sentences of everyday life, none of them from the lists of words.
var speech = map[string][]string{
	"en": {"The weather has been lovely, so we went down to the lake with our neighbours.",
		"She could not remember where her keys were when the train came in."},
	"de": {"Gestern haben wir im Garten gesessen und über den Urlaub gesprochen.",
		"Der Zug kam zu spät, deshalb war sie nicht rechtzeitig bei der Arbeit."},
	"fr": {"Hier nous avons parlé de nos vacances dans le jardin de ma tante.", "Le train était en retard et elle n'a pas pu venir avec nous."},
	"es": {"Ayer hablamos de las vacaciones en el jardín de mi tía.", "El tren llegó tarde y por eso ella no pudo venir con nosotros."},
	"pt": {"Ontem falámos das férias no jardim da minha tia, não foi?", "O comboio chegou tarde e por isso ela não pôde vir com a gente."},
	"it": {"Ieri abbiamo parlato delle vacanze nel giardino di mia zia.", "Il treno era in ritardo e per questo lei non è venuta con noi."},
	"fi": {"Eilen me puhuimme lomasta tätini puutarhassa, ja se oli hauskaa.", "Juna oli myöhässä, joten hän ei ollut ajoissa töissä."},
	"vi": {"Hôm qua chúng tôi nói chuyện về kỳ nghỉ ở trong vườn.", "Tàu đến muộn nên cô ấy không thể đi làm đúng giờ."},
	"sw": {"Jana tulizungumza kuhusu likizo yetu katika bustani ya shangazi.", "Treni ilichelewa kwa hiyo yeye hakuweza kufika kazini kwa wakati."},
	"pl": {"Wczoraj rozmawialiśmy o wakacjach w ogrodzie mojej ciotki.", "Pociąg się spóźnił, więc ona nie przyszła na czas do pracy."},
	"ru": {"Вчера мы говорили об отпуске в саду у моей тёти.", "Поезд опоздал, и поэтому она не пришла вовремя на работу, но это не беда."},
	"bg": {"Вчера говорихме за ваканцията в градината на леля ми.", "Влакът закъсня и затова тя не дойде навреме на работа, но това не е беда."},
	"uk": {"Вчора ми говорили про відпустку в саду моєї тітки.", "Потяг запізнився, тому вона не прийшла вчасно на роботу."},
	"ar": {"أمس تحدثنا عن العطلة في حديقة خالتي.", "تأخر القطار ولذلك لم تصل إلى العمل في الوقت المناسب."},
	"fa": {"دیروز در باغ خاله\u200cام درباره تعطیلات صحبت کردیم.", "قطار دیر رسید و به همین دلیل او نتوانست به موقع به کار برسد."},
	"ur": {"کل ہم نے خالہ کے باغ میں چھٹیوں کے بارے میں بات کی۔", "ٹرین دیر سے آئی اس لیے وہ وقت پر کام پر نہیں پہنچ سکی۔"},
	"hi": {"कल हमने मौसी के बगीचे में छुट्टियों के बारे में बात की।", "ट्रेन देर से आई इसलिए वह समय पर काम पर नहीं पहुँच सकी।"},
	"mr": {"काल आम्ही मावशीच्या बागेत सुट्टीबद्दल बोललो आणि खूप मजा आली.", "गाडी उशिरा आली म्हणून ती वेळेवर कामाला पोहोचली नाही."},
	"ne": {"हिजो हामीले बगैंचामा छुट्टीको बारेमा कुरा गर्यौं र धेरै रमाइलो भयो।",
		"रेल ढिलो आयो त्यसैले उनी समयमा काममा पुग्न सकिनन् भन्ने मलाई थाहा छ।"},
	"bn": {"গতকাল আমরা বাগানে ছুটি নিয়ে কথা বলেছি।"}, "gu": {"ગઈકાલે અમે બગીચામાં રજાઓ વિશે વાત કરી."},
	"pa": {"ਕੱਲ੍ਹ ਅਸੀਂ ਬਾਗ ਵਿੱਚ ਛੁੱਟੀਆਂ ਬਾਰੇ ਗੱਲ ਕੀਤੀ।"}, "kn": {"ನಿನ್ನೆ ನಾವು ತೋಟದಲ್ಲಿ ರಜೆಯ ಬಗ್ಗೆ ಮಾತನಾಡಿದೆವು."},
	"ml": {"ഇന്നലെ ഞങ്ങൾ അവധിക്കാലത്തെക്കുറിച്ച് സംസാരിച്ചു."}, "ta": {"நேற்று நாங்கள் தோட்டத்தில் விடுமுறை பற்றி பேசினோம்."},
	"te": {"నిన్న మేము తోటలో సెలవుల గురించి మాట్లాడాము."}, "th": {"เมื่อวานเราคุยกันเรื่องวันหยุดในสวน"},
	"ko": {"어제 우리는 정원에서 휴가에 대해 이야기했습니다."}, "he": {"אתמול דיברנו על החופשה בגינה של דודה שלי."},
	"ja": {"昨日、私たちは庭で休暇について話しました。"},
}

func TestDetect(t *testing.T) {
	var undecided []string
	for _, code := range Languages() {
		if len(speech[code]) == 0 {
			t.Errorf("%s has no sentence", code)
		}
		for _, s := range speech[code] {
			g := Detect(s)
			if g.Language != code {
				t.Errorf("%s %q: %+v", code, s, g)
			}
			if !g.Sure() {
				undecided = append(undecided, code+": "+s)
			}
		}
	}
	if len(undecided) > 3 {
		t.Errorf("undecided: %q", undecided)
	}
}

func TestDetectStock(t *testing.T) {
	for _, l := range stock {
		for _, s := range l.sentences {
			if g := Detect(s); g.Language != l.code {
				t.Errorf("%s %q: %+v", l.code, s, g)
			}
		}
	}
}

func TestDetectWithoutEvidence(t *testing.T) {
	for _, text := range []string{"", "123 !?", "ⴰⵣⵓⵍ ⴼⵍⵍⴰⴽ"} {
		if g := Detect(text); g.Language != "" || !g.Sure() {
			t.Errorf("%q: %+v, want no language", text, g)
		}
	}
	if g := Detect("Pizza"); g.Sure() {
		t.Errorf("one word: %+v, want candidates", g)
	}
	strange := "xq zv kw pf xq zv kw pf xq zv kw pf xq zv kw pf xq zv kw pf xq zv kw pf"
	if g := Detect(strange); g.Language != "" {
		t.Errorf("no words: %+v", g)
	}
}

package ifeval

// A tongue is what Detect knows of a language whose script others share: its most frequent words, and the letters beyond
// a to z (or beyond the common ones of the script) that it writes.
type tongue struct {
	code    string // ISO 639-1
	words   string
	letters string
}

// latin, cyrillic, arabic and devanagari are the languages told apart by words and letters. More are listed than the data
// of IFEval asks for, so that a neighbour is not taken for one of them.
var latin = []tongue{
	{"en", `a the of and to in is it that was for on are as with his they at be this have from or had by but what some we can out
		other were all there when up use your how said an each she which do their if will way about many then them would like so
		these her him has more could my than been who its now did get made may part you not i he our any just no also here into
		only very people because should was am file error not cannot unable invalid`, "éï"},
	{"de", `der die und in den von zu das mit sich des auf für ist im dem nicht ein eine als auch es an werden aus er hat dass sie
		nach wird bei einer um am sind noch wie einem über einen so zum war haben nur oder aber vor zur bis mehr durch man sein
		wurde sei ich du wir ihr mir mich kann wenn was hier alle keine kein ihre ihren diese dieser dieses datei fehler kann
		wurde konnte ungültige gibt sehr immer unter schon`, "äöüß"},
	{"fr", `le de un être et à il avoir ne je son que se qui ce dans en du elle au pour pas vous par sur faire plus dire me on mon
		lui nous comme mais avec tout aller voir bien où sans tu ou leur si deux mari moi la les des une est sont été cette ces
		aux fichier erreur impossible n'est cela peut très même aussi était fait il y a d l qu c s j`, "àâçéèêëîïôùûüœ"},
	{"es", `de la que el en y a los se del las un por con no una su para es al lo como más o pero sus le ha me si sin sobre este ya
		entre cuando todo esta ser son dos también fue había era muy años hasta desde está mi porque qué sólo han yo hay vez
		puede todos así nos ni parte tiene él uno donde bien tiempo mismo ese ahora cada archivo fichero pudo puede error usted
		esto ella estaba`, "áéíñóúü"},
	//nolint:misspell // foreign words
	{"pt", `de a o que e do da em um para é com não uma os no se na por mais as dos como mas foi ao ele das tem à seu sua ou ser
		quando muito há nos já está eu também só pelo pela até isso ela entre era depois sem mesmo aos ter seus quem nas me esse
		eles estão você tinha foram essa num nem suas meu às minha têm numa pelos ficheiro arquivo erro são foi pode este esta
		nossa nosso muita pessoas`, "áâãàçéêíóôõú"},
	//nolint:misspell // foreign words
	{"it", `di che e la il un a è per in una mi sono ho non ma lo ha le si ti i con cosa se io come da ci no questo qui hai sei del
		bene tu sì me più al mio c'è te solo tutto era gli della lei mia o so perché quando ne essere anche nel alla dei delle
		fatto stato due ancora dove file errore impossibile questa nella dal sul dalla loro suo sua molto molti c l d dell all
		un'`, "àèéìòù"},
	{"nl", `de en van het een in is dat op te zijn met voor niet aan er om had dan als uit ook maar was bij door naar heeft hun
		wordt over hem zij haar deze nog kan die je ik u wij ze hij worden of al geen meer wat moet tot mijn werd bestand fout
		ongeldige onbekende veel heel wel omdat onze onder tegen`, "éëïö"},
	{"sv", `och i att det som en på är av för med till den har de inte om ett han men var jag sig från vi så kan när år under också
		efter eller nu sin där vid mot ska skulle kommer ut får finns vara hade alla andra mycket än här då sedan över bara in
		blir upp även vad min mig du filen fel fil går inte`, "åäöé"},
	{"da", `og i at det er en til på som med for den af de der ikke har et kan om han var jeg sig men fra så ved vi skal hun være
		eller efter nu over også under mod hvor kunne ville blev havde ind ud op hvis når alle andre meget her bare kun min mig
		dig du hvad ikke filen fejl kunne noget mange blive hans`, "æøå"},
	{"no", `og i det er på som en til å av for at med har de ikke den han var et jeg om vi men fra seg så kan hun ble skal ved eller
		etter nå over også under mot hvor kunne ville hadde inn ut opp hvis når alle andre mye her bare kun min meg deg du hva
		filen feil noe noen mange bli blir hans være dette sin vil`, "æøå"},
	{"pl", `i w na z się do nie to że jest o jak za po od tym co był być tego dla przez ale są tak już jego tylko czy może jej które
		który oraz jako też ich można która było pod lub kiedy bardzo tej przy mnie mi ma bez gdy sobie ja ten nas jeszcze plik
		błąd pliku nieprawidłowy został plików wszystko każdy u ze we by`, "ąćęłńóśźż"},
	{"cs", `a v se na je že s z do to o i za k pro jako ale by po tak které který jsou byl od jeho ve si nebo co jen už podle jak
		bude také při jsem či až která než bylo může již mezi kde však být má let soubor chyba nelze není souboru této tento
		pouze ještě můj u jeho jejich`, "áčďéěíňóřšťúůýž"},
	{"fi", `ja on ei että se oli hän mutta joka ovat mukaan kun myös kuin jos niin sen mitä vain en olla nyt ole jo hänen tämä minä
		jotka vielä sitä sekä olisi voi siitä tai minun sanoi mikä ollut nämä ne me hyvin kanssa ennen sitten näin kaikki paljon
		koska voidaan tiedostoa tiedosto tiedoston virhe virheellinen tuntematon epäonnistui olen ovat sinä minulla siellä
		täällä aina joskus kuitenkin monta ettei eivät`, "äöå"},
	{"tr", `ve bir bu da de için ile çok ne o daha gibi en olarak olan sonra kadar her ama mi ben var değil ki ya onun diye yok şey
		bana hem sen kendi ise iki beni zaman biz göre böyle ilk sadece oldu şu bunu dosya hata geçersiz olduğunu dosyası veya
		değil oluşturulamadı çünkü bunun tüm`, "çğıöşüâİ"},
	{"vi", `và của là có được cho không trong một người các đã với những để này khi về đó từ cũng tại ra đến như nhưng năm vào lại
		nhiều trên sẽ theo phải hay bị tôi anh chị em ông bà nó họ chúng ta mình rất làm thì mà còn nào gì đang sau hơn việc
		ngày thể tập tin lỗi tệp hợp lệ tùy chọn nếu bạn hoặc dùng`, "àáảãạăằắẳẵặâầấẩẫậđèéẻẽẹêềếểễệìíỉĩịòóỏõọôồốổỗộơờớởỡợùúủũụưừứửữựỳýỷỹỵ"},
	{"sw", `ya na wa kwa ni katika la za kuwa hii kama huo au yake hiyo huu pia ili lakini watu sana baada wao wake hilo yao alikuwa
		moja kutoka hata wengi mimi wewe yeye sisi ambayo ambao nchi bila kila siku mtu hivyo zaidi kati vya cha hapa hakuna si
		wakati tu baadhi kabla haiwezekani faili hitilafu hili zake yangu wangu yako wako yetu wetu chakula nyumbani kupata
		kufanya kutumia ilikuwa nini sasa tena`, ""},
	{"id", `yang dan di untuk dengan tidak ini dari dalam itu ke pada adalah akan oleh telah sebagai juga atau dapat bisa ada mereka
		karena lebih saya anda kami kita sudah saat setelah banyak menjadi seperti tersebut hanya namun bagi hari bukan berkas
		kesalahan gagal sangat tak jika sebuah orang secara`, ""},
	{"ro", `de și în a la cu nu o pe că din se mai un pentru este sunt care ce au fost o prin am ca al sau dar ale lui ei după fi sa
		ar fără între foarte cum când până acest această dacă doar fișier fișierul eroare poate fișierului nici toate unui unei
		avea său`, "ăâîșțşţ"},
	{"hu", `a az és hogy nem is ez egy meg van de csak volt már még mint azt ki ha el mert vagy lesz most minden fel én te ő mi ti
		ők nagyon kell itt ott után lehet sem ezt amely illetve fájl hiba érvénytelen ismeretlen sikerült nincs pedig akkor sok`, "áéíóöőúüű"},
}

var cyrillic = []tongue{
	{"ru", `и в не на я быть он с что а по это она этот к но они мы весь который из у то за свой ещё еще от для о же так как его или
		бы вы все если при есть был была были было только уже чем их нет когда может мне меня очень до ли без файл файла ошибка
		удалось неверный можно нельзя со ты здесь там где вот`, "ыэё"},
	{"bg", `и на да се в е за от не с са по си ще му като че но до а или го към при след беше още само може има които който която
		което има няма това тази този тези съм сме сте аз ти той тя то ние те ни ви ги ми как какво когато защото много бъде във
		със обаче файл файла грешка неуспех невалиден без ли между през`, "ъ"},
	{"uk", `і в не на що з у та до як за це від він його але або вона ми ви є бути про якщо для під був була було були також ще так
		тільки може після щоб їх який яка яке які при вже коли дуже мені мене по й зі файл файла файлу помилка вдалося не можна
		неправильний немає цей ця`, "іїєґ"},
}

var arabic = []tongue{
	{"ar", `في من على إلى أن هذا هذه التي الذي كان مع عن لا ما هو هي كل قد بعد أو لم بين ذلك كما ثم أنه كانت إن لكن عند حتى غير يكون
		أكثر فيه منذ حيث أي له لها يمكن تم خطأ ملف الملف غير ليس أنا نحن أنت هم يا و جدا هناك كانوا قبل`, "ةىيكأإؤئآ"},
	{"fa", `و در به از که این را با است برای آن یک خود تا کرد بر هم نیز گفت می شد ما اما یا شده باید هر آنها بود او دیگر کند من تو
		شما ایشان است هست نیست بسیار همه چه خیلی پرونده خطا ` + "نمی\u200cتوان می\u200cشود می\u200cکند نمی\u200cشود" + ` کردن ها های اگر بی پیش وقتی`, "پچژگکیآئؤ"},
	{"ur", `کے کی میں ہے اور سے کا کو اس نے پر ایک ہیں کہ یہ بھی نہیں تھا وہ جو ان کر گیا لیے تھے تھی ہوتا ہوئے تو ہی کسی ہو آپ ہم
		میرے میرا اپنے اپنی تک بعد کیا ساتھ لئے گی گا جا سکتا سکتے ہوں بہت جب اگر`, "ٹڈڑےںھہپچژگکیآئؤۓ"},
}

var devanagari = []tongue{
	{"hi", `के है में की और से का को पर यह नहीं कि ने हैं एक भी इस लिए तो कर जो था वह हो ही या थे थी साथ अपने गया किया करने कुछ मैं
		हम आप तक इसे उस बाद करता होता दिया रहा रहे सकते फ़ाइल त्रुटि अमान्य करें नही बहुत लोग जब अगर मेरे मेरा मुझे हूँ हूं`, "़ँॉ"},
	{"mr", `आहे आणि या च ते हे तो ती मी आहेत नाही होते होता होती त्या हा ही की पण व एक मध्ये साठी करण्यासाठी करण्यात आला आली आले असे
		आपण मला तुम्ही आम्ही त्यांच्या त्याच्या फाइल त्रुटी अवैध शकत नाहीत केले केला केली असून म्हणून खूप काही जे माझ्या माझे
		करा झाले झाला माझी अतिशय`, "ळॅॉ"},
	{"ne", `छ र को मा ले लाई गर्न छन् यो पनि भएको हो तर गरेको भने हुन्छ एक त्यो थियो थिए गर्ने हामी मलाई तपाईं उनी उनले नेपाल छैन
		गरी भन्ने का की देखि लागि सम्म भयो गर्नुहोस् फाइल त्रुटि सकेन हुने यस म तिमी हाम्रो मेरो धेरै राम्रो छु गर्छ जान्छ बाट
		साथ सँग अवैध हुन`, "ँ"},
}

#include "titles.h"

static const char *const news_titles[] = {
    "Fairhaven Today – the bridge works on Harbour Lane, week three",
    "Fairhaven Today – what the new bus timetable means for Saltgate",
    "Fairhaven Today – the council counts its trees",
    "The Long Table – three bakers on the price of flour",
    "The Long Table – who keeps the clock of Saint Orrin's right?",
    "Weather and tides for Fairhaven Bay",
    "Market Square – the ferry's last season under old Captain Ruel",
    "Market Square – a school, a roof and forty volunteers",
    "Sport from the Quay – Fairhaven Rovers before the derby",
    "Fairhaven Today – the library stays open on Sundays",
    "The Evening Round – letters from listeners in Upper Wend",
    "The Evening Round – the lighthouse gets a new lamp",
};

static const char *const classical_titles[] = {
    "Ilse Marwand – Evening Hymn for the Harbour, I. Slow tide",
    "Ilse Marwand – Evening Hymn for the Harbour, II. Lamps",
    "Teodor Brück – Serenade “Upper Wend”: Andante",
    "Teodor Brück – Serenade “Upper Wend”: Finale",
    "Anouk Delsère – Four Bells, no. 2",
    "Anouk Delsère – Four Bells, no. 4",
    "Caspar Lindqvale – Chorale for Saint Orrin's",
    "Caspar Lindqvale – Variations on a Ferryman's Air",
    "Mirel Osztova – Winter Light, from “Fairhaven Suite”",
    "Mirel Osztova – The Market Asleep, from “Fairhaven Suite”",
};

#define COUNT(list) ((int64_t)(sizeof(list) / sizeof((list)[0])))

const char *title_at(enum bed bed, int64_t unix_s)
{
    int64_t slot = unix_s / TITLE_S;
    if (bed == BED_CLASSICAL)
        return classical_titles[slot % COUNT(classical_titles)];
    return news_titles[slot % COUNT(news_titles)];
}

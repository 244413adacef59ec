// What the server says of the station: the data- attributes of the player's section
// (src/front/page_player.c). All moments are Unix milliseconds of the station's clock.

export interface Facts {
  station: string;
  name: string;
  zone: string; // IANA name
  now: number; // when the page was made
  at: number | null; // ?at=
  isOn: boolean;
  icy: string | null; // plain stream, live
  hls: string | null; // master playlist
  script: string | null; // hls.js
  oldest: number; // of the first HLS rendition's tape
  newest: number;
  windowMs: number; // what live.m3u8 lists
  lowWindowMs: number; // ... of the other renditions
  lowKbps: number | null; // there is a rendition for who pays for every byte
}

function numberOf(text: string | undefined): number | null {
  const value = text === undefined || text === '' ? NaN : Number(text);
  return Number.isFinite(value) ? value : null;
}

export function readFacts(section: HTMLElement): Facts | null {
  const data = section.dataset;
  const now = numberOf(data.now);
  const source = section.querySelector('source')?.getAttribute('src');
  if (!data.station || now === null) return null;
  return {
    station: data.station,
    name: data.name ?? data.station,
    zone: data.zone ?? 'UTC',
    now,
    at: numberOf(data.at),
    isOn: data.on !== undefined,
    // What is off the air has only the recording that <audio> names.
    icy: data.icy ?? source?.split('?')[0] ?? null,
    hls: data.hls ?? null,
    script: data.engine ?? null,
    oldest: numberOf(data.oldest) ?? now,
    newest: numberOf(data.newest) ?? now,
    windowMs: (numberOf(data.window) ?? 0) * 1000,
    lowWindowMs: (numberOf(data.lowWindow) ?? 0) * 1000,
    lowKbps: numberOf(data.low),
  };
}

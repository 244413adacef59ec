// The station's clock, and how its moments and distances are said.

export const SECOND = 1000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;

// The browser's clock may be wrong by hours: only how it goes on is used.
export class Clock {
  private ahead: number;

  constructor(now: number) {
    this.ahead = now - Date.now();
  }

  now(): number {
    return Date.now() + this.ahead;
  }

  // Sound up to this moment was listed: it cannot be earlier. (A page from a cache is late.)
  notBefore(moment: number): void {
    this.ahead = Math.max(this.ahead, moment - Date.now());
  }
}

function formatter(zone: string, options: Intl.DateTimeFormatOptions,
  locale = 'en-GB'): Intl.DateTimeFormat {
  try {
    return new Intl.DateTimeFormat(locale, { ...options, timeZone: zone });
  } catch {
    return new Intl.DateTimeFormat(locale, { ...options, timeZone: 'UTC' });
  }
}

// Moments as a clock in the station's studio shows them.
export class Wall {
  private readonly minutes: Intl.DateTimeFormat;
  private readonly seconds: Intl.DateTimeFormat;
  private readonly days: Intl.DateTimeFormat;
  private readonly zones: Intl.DateTimeFormat;
  private readonly isElsewhere: boolean;

  constructor(zone: string) {
    const minutes = { hour: '2-digit', minute: '2-digit', hour12: false } as const;
    this.minutes = formatter(zone, minutes);
    this.seconds = formatter(zone, { ...minutes, second: '2-digit' });
    this.days = formatter(zone, { weekday: 'short', day: 'numeric', month: 'short' });
    this.zones = formatter(zone, { timeZoneName: 'short' }, 'en-US'); // EST, not GMT-5
    const own = new Intl.DateTimeFormat('en-GB', minutes);
    this.isElsewhere = own.format(0) !== this.minutes.format(0) ||
      own.format(Date.now()) !== this.minutes.format(Date.now());
  }

  private day(moment: number, now: number): string {
    const day = this.days.format(moment);
    return day === this.days.format(now) ? '' : `${day}, `;
  }

  short(moment: number, now: number): string {
    return this.day(moment, now) + this.minutes.format(moment);
  }

  full(moment: number, now: number): string {
    const zone = this.isElsewhere
      ? this.zones.formatToParts(moment).find((part) => part.type === 'timeZoneName')?.value
      : undefined;
    return this.day(moment, now) + this.seconds.format(moment) + (zone ? ` ${zone}` : '');
  }
}

function count(value: number, unit: string): string {
  return `${value} ${unit}${value === 1 ? '' : 's'}`;
}

// "40 seconds", "18 minutes", "3 hours 5 minutes", "2 days 1 hour"
export function distance(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / SECOND));
  if (seconds < 90) return count(seconds, 'second');
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return count(minutes, 'minute');
  const hours = Math.floor(minutes / 60);
  if (hours < 24) {
    const rest = minutes % 60;
    return count(hours, 'hour') + (rest ? ` ${count(rest, 'minute')}` : '');
  }
  const rest = hours % 24;
  return count(Math.floor(hours / 24), 'day') + (rest ? ` ${count(rest, 'hour')}` : '');
}

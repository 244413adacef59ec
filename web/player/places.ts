// Wall-clock time <-> media time, by the PROGRAM-DATE-TIME of each segment. hls.js moves segments on
// its time line when it learns more of them; nothing here is kept.
import type { Fragment, LevelDetails } from 'hls.js';

type Dated = Fragment & { programDateTime: number };

function isDated(fragment: Fragment | null | undefined): fragment is Dated {
  return !!fragment && fragment.programDateTime !== null;
}

export function firstOf(details: LevelDetails): Dated | null {
  const found = details.fragments.find(isDated);
  return found && isDated(found) ? found : null;
}

// The last segment for which `is` holds, if they are in order.
function lastWhere(details: LevelDetails, is: (fragment: Dated) => boolean): number {
  const { fragments } = details;
  let low = 0;
  let high = fragments.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const fragment = fragments[middle];
    if (!isDated(fragment) || is(fragment)) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

// null: before all that is listed. In a hole: where sound goes on.
export function mediaTimeOf(details: LevelDetails, moment: number): number | null {
  const { fragments } = details;
  let i = lastWhere(details, (fragment) => fragment.programDateTime <= moment);
  const fragment = fragments[i];
  if (!isDated(fragment)) return null;
  const into = (moment - fragment.programDateTime) / 1000;
  if (into < fragment.duration && !fragment.gap) return fragment.start + into;
  while (++i < fragments.length) if (!fragments[i]!.gap) return fragments[i]!.start;
  return details.edge;
}

export function momentOf(details: LevelDetails, time: number): number | null {
  const i = Math.max(0, lastWhere(details, (fragment) => fragment.start <= time));
  const fragment = details.fragments[i];
  if (!isDated(fragment)) return null;
  const into = Math.min(Math.max(0, time - fragment.start), fragment.duration);
  return fragment.programDateTime + into * 1000;
}

// The title that holds at a moment: the latest track that began by then.
export function titleAt(details: LevelDetails, moment: number): string | null {
  let title: string | null = null;
  let latest = -Infinity;
  for (const range of Object.values(details.dateRanges)) {
    if (!range || range.class !== 'org.mast.track') continue;
    const start = range.startDate.getTime();
    if (start > moment || start < latest) continue;
    latest = start;
    const end = range.endDate?.getTime() ?? Infinity;
    title = end > moment ? String(range.attr['X-TITLE'] ?? '') : '';
  }
  return title;
}

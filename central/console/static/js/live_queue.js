// The open cases as the desk tells of them: loaded whole, then kept by events. What is older never replaces what is newer.
import { get } from "./api.js";

const LONGEST_QUEUE = 500;
const LOAD_AFTER_MS = 1500;

export class LiveQueue {
  /** `context` has: now(), loaded(fresh), failed(error). */
  constructor(context) {
    this.context = context;
    this.cards = new Map();
    this.gone = new Map(); // case -> the version with which it left, since the queue was loaded
    this.incidents = new Map();
    this.colleagues = new Map();
    this.offers = new Map();
    this.loading = null;
    this.again = false;
    this.meanwhile = [];
    this.loadDue = null;
    this.oddBeats = 0;
  }

  get all() {
    return [...this.cards.values()];
  }

  /** Loads the whole queue. What events say meanwhile is newer than the answer, and counts after it. Asked for while
   * it is being loaded, it is loaded once more: the answer on its way may be older than what was asked for. */
  load() {
    if (this.loading) {
      this.again = true;
      return this.loading;
    }
    this.again = false;
    this.meanwhile = [];
    this.loading = get("/api/queue")
      .then((fresh) => this.takeWhole(fresh))
      .catch((error) => this.context.failed(error))
      .finally(() => {
        this.loading = null;
        if (this.again) this.load();
      });
    return this.loading;
  }

  takeWhole(fresh) {
    const before = new Map(this.cards);
    this.cards.clear();
    this.gone.clear();
    for (const card of fresh.cards) this.cards.set(card.id, same(before.get(card.id), card));
    this.incidents = new Map(fresh.incidents.map((one) => [one.id, one]));
    for (const one of fresh.colleagues) this.colleagues.set(one.id, one.called);
    this.offers.clear();
    for (const [id, offer] of Object.entries(fresh.offers)) this.offered(Number(id), offer);
    for (const event of this.meanwhile) this.takeIn(event);
    this.context.loaded(fresh);
  }

  /** An event of a case. Gives whether it is news. */
  hear(event) {
    if (this.loading) this.meanwhile.push(event);
    if (!this.takeIn(event)) return false;
    const { card, offer } = event;
    if (card.incident_id && !this.incidents.has(card.incident_id)) this.loadSoon();
    if (offer && !this.colleagues.has(offer.operator)) this.loadSoon();
    return true;
  }

  takeIn({ card, offer }) {
    if (!this.put(card)) return false;
    this.offered(card.id, offer);
    return true;
  }

  /** A card from an event or from the answer to a command; these may overtake each other. */
  put(card) {
    if (this.cards.get(card.id)?.version > card.version || this.gone.get(card.id) > card.version) return false;
    if (card.state === "closed") {
      this.cards.delete(card.id);
      this.gone.set(card.id, card.version);
    } else this.cards.set(card.id, card);
    return true;
  }

  offered(id, offer) {
    if (offer) this.offers.set(id, offer);
    else this.offers.delete(id);
  }

  /** Takes away the offers whose time is over. Gives whether there were any. */
  endOffers() {
    const over = [...this.offers].filter(([, offer]) => offer.until_at <= this.context.now());
    for (const [id] of over) this.offers.delete(id);
    return over.length > 0;
  }

  /** To whom a ringing case is offered first, as long as the offer stands. */
  offerOf(card) {
    const offer = this.offers.get(card.id);
    return offer && card.ring_at !== null && offer.until_at > this.context.now() ? offer : null;
  }

  /** All that came within a moment is loaded at once. */
  loadSoon() {
    clearTimeout(this.loadDue);
    this.loadDue = setTimeout(() => this.load(), LOAD_AFTER_MS);
  }

  /** A sign of life tells the fingerprint of the queue. It differs for a moment while an event is on its way; twice in
   * a row, something was missed. */
  compare(stamp) {
    const mine = `${this.cards.size}.${this.all.reduce((sum, card) => sum + card.version, 0)}`;
    this.oddBeats = stamp === mine ? 0 : this.oddBeats + 1;
    if (this.oddBeats < (this.cards.size < LONGEST_QUEUE ? 2 : 10)) return;
    this.oddBeats = 0;
    this.load();
  }
}

/** The card that is known, where the new one says nothing else: what is painted of it stands. */
function same(known, card) {
  return known && JSON.stringify(known) === JSON.stringify(card) ? known : card;
}

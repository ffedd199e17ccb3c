// The emergency card: what is read aloud to 112, in big letters, and on paper.
import { get } from "./api.js";
import { h } from "./dom.js";
import { icon } from "./marks.js";
import { show } from "./dialogs.js";
import { FLAGS, SENSES, clock, sayLanguage, t } from "./words.js";

const SEXES = { f: t("woman"), m: t("man"), x: t("another sex") };

const line = (name, ...inside) => [h("dt", {}, name), h("dd", {}, inside)];

function person(one) {
  const who = [one.full_name, one.age_about ? t("about {age} years", { age: one.age }) : t("{age} years", { age: one.age }), SEXES[one.sex]];
  const senses = [
    one.hearing !== "good" && `${t("Hearing")}: ${SENSES[one.hearing] ?? one.hearing}`,
    one.speech !== "good" && `${t("Speech")}: ${SENSES[one.speech] ?? one.speech}`,
  ];
  const known = [...one.flags.map((flag) => FLAGS[flag] ?? flag), one.conditions];
  return [
    line(t("Who"), h("b", {}, who.filter(Boolean).join(", "))),
    line(t("Speaks"), [sayLanguage(one.language), ...senses.filter(Boolean)].join(" · ")),
    one.mobile && line(t("Mobile telephone"), one.mobile),
    known.some(Boolean) && line(t("Known"), known.filter(Boolean).join(" · ")),
  ];
}

/** Opens the card of a case. */
export async function emergencyCard(id) {
  const card = await get(`/api/cases/${id}/emergency-card`);
  const back = [
    card.call_back
      ? `${card.call_back} (${card.operator})`
      : t("The centre’s number is not set up. Say the number of your telephone."),
    card.home_phone && `${t("Telephone at home")}: ${card.home_phone}`,
  ];
  show(
    t("Emergency card"),
    [
      h(
        "dl",
        { class: "emergency" },
        line(t("Where"), h("b", {}, [card.address, card.district].filter(Boolean).join(", "))),
        card.way_in && line(t("Way in"), card.way_in),
        card.people.length ? card.people.map(person) : line(t("Who"), t("Nobody is written down as living here.")),
        line(t("What happened"), card.what.join(" ")),
        line(
          t("Since"),
          clock(card.since_at),
          card.spoken_at === null ? ` · ${t("nobody has spoken with them yet")}` : ` · ${t("spoken with them")}`,
        ),
        card.helper && line(t("On the way"), card.eta_at ? `${card.helper}, ${clock(card.eta_at)}` : card.helper),
        line(
          t("Ring back"),
          back.filter(Boolean).map((one) => h("div", {}, one)),
        ),
      ),
    ],
    [
      h("button", { type: "button", class: "button", onclick: () => window.print() }, icon("note", 16), t("Print")),
      h("a", { class: "button main", href: "tel:112", "data-first": true }, icon("phone", 16), t("Call 112")),
    ],
  );
}

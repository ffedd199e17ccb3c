// A page that is made for paper: its button prints it.
import { byId } from "./dom.js";

byId("print").addEventListener("click", () => print());

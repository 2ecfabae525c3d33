import { after } from "node:test";
import { closeBrowser } from "./lib/session.js";
for (const f of process.env.T.split(",")) await import(`./${f}.js`);
after(closeBrowser);

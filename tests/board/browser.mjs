// SPDX-License-Identifier: GPL-2.0-or-later
// A browser on a line: reads one JSON request a line from standard input, does
// it with Debian's Chromium, answers with one line. tests/e2e/lib/browser.py is
// its other end. Arguments: folder of playwright-core, path of chromium.
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const [folder, chromium] = process.argv.slice(2);
const { chromium: driver } = createRequire(folder + "/")("playwright-core");
const browser = await driver.launch({
	executablePath: chromium,
	args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
		"--disable-background-networking", "--no-first-run"],
});
const requests = [], errors = [];
let context, page;

const acts = {
	// A fresh page: width, height, scheme, address, token.
	async open({ width = 1280, height = 800, scheme = "light", url, token }) {
		if (context) await context.close();
		context = await browser.newContext({ viewport: { width, height }, colorScheme: scheme });
		page = await context.newPage();
		page.on("request", r => requests.push(r.url()));
		page.on("pageerror", e => errors.push(String(e)));
		page.on("console", m => { if (m.type() === "error") errors.push(m.text()); });
		if (token) await page.addInitScript(t => sessionStorage.setItem("holdfast", t), token);
		await page.goto(url);
		return page.title();
	},
	async look({ expression }) { return page.evaluate(expression); },
	async wait({ expression, ms = 10000 }) {
		// Not waitForFunction(): the page's own policy forbids it to evaluate.
		for (const until = Date.now() + ms; !await page.evaluate(expression);) {
			if (Date.now() > until)
				throw new Error("waited " + ms + " ms in vain");
			await new Promise(done => setTimeout(done, 10));
		}
		return true;
	},
	async click({ selector }) { await page.click(selector, { timeout: 5000 }); return true; },
	async drag({ from, to }) { await page.dragAndDrop(from, to, { timeout: 5000 }); return true; },
	async pick({ selector, value }) { return page.selectOption(selector, value, { timeout: 5000 }); },
	// What a screen reader is given: role and name of each element.
	async tree() { return JSON.stringify(await page.accessibility.snapshot({ interestingOnly: false })); },
	async key({ key }) { await page.keyboard.press(key); return true; },
	async type({ selector, text }) { await page.fill(selector, text); return true; },
	async shot({ path }) { await page.screenshot({ path }); return path; },
	async said() { return { requests, errors }; },
};

for await (const line of createInterface({ input: process.stdin })) {
	const request = JSON.parse(line);
	let answer;
	try {
		answer = { value: await acts[request.do](request) ?? null };
	} catch (error) {
		answer = { error: String(error).split("\n")[0] };
	}
	process.stdout.write(JSON.stringify(answer) + "\n");
}
await browser.close();

// Prints how many tests of a JSON report passed and failed, and adds the failed ones to a file:
// `node report.mjs <report> <failures>`. A file that cannot be loaded has no test of its own: it counts as one.
import { appendFileSync, readFileSync } from 'node:fs';

const [report, failures] = process.argv.slice(2);
const { numPassedTests, numFailedTests, testResults } = JSON.parse(readFileSync(report, 'utf8'));
const broken = testResults.filter((file) => file.status === 'failed' && file.assertionResults.length === 0);
const lines = broken.map((file) => `${file.name}: ${file.message}`);
for (const file of testResults) {
  for (const { status, fullName, failureMessages } of file.assertionResults) {
    if (status === 'failed') lines.push(`${file.name} > ${fullName}`, failureMessages.join('\n').slice(0, 1_000));
  }
}
appendFileSync(failures, lines.map((line) => `${line}\n`).join(''));
console.log(numPassedTests, numFailedTests + broken.length);

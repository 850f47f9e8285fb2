import { writeFileSync } from 'node:fs';
import { packageFile } from '../../src/core/package-root.js';
import { licencePage, licencesPath, licensedPackages, lockFile } from './licence-table.js';

// `npm run licences`, and with it `npm run reference`.
writeFileSync(packageFile(licencesPath), licencePage(licensedPackages(lockFile())));

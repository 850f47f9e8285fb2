import { writeFileSync } from 'node:fs';
import { packageFile } from '../../src/core/package-root.js';
import { generatedTypes, typesPath } from './generated-types.js';

// `npm run reference`.
writeFileSync(packageFile(typesPath), await generatedTypes());

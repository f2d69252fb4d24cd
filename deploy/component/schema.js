'use strict';

const fs = require('fs');
const path = require('path');

const file = path.join(__dirname, '..', 'schema.json');

// component makes a Serverless Devs component that can do one thing: hand out its schema, one of the definitions of
// deploy/schema.json, to `s verify`. The real components are fetched from their registry and check less.
exports.component = (definition) =>
  class {
    getSchema() {
      const { $schema, definitions } = JSON.parse(fs.readFileSync(file, 'utf8'));
      return JSON.stringify({ $schema, definitions, $ref: `#/definitions/${definition}` });
    }
  };

'use strict';

module.exports = require('../schema.js').component('function');

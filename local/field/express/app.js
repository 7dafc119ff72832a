// https://expressjs.com/en/starter/hello-world.html, with the version and a health path.
const express = require('express')
const app = express()
const port = process.env.PORT
app.get('/version', (req, res) => { res.json({ commit: process.env.COMMIT }) })
app.get('/healthz', (req, res) => { res.send('ok') })
app.listen(port, () => { console.log(`Example app listening on port ${port}`) })

// Compute what face-api itself makes of the pictures and networks of tiny_faces.py:
//   npm pack @vladmandic/face-api@1.7.15 && tar xzf vladmandic-face-api-1.7.15.tgz
//   python -m tests.encoders.tiny_faces inputs
//   node tests/encoders/face_api_reference.mjs package inputs > tests/encoders/face_api_reference.json
// It runs in plain JavaScript, on TensorFlow.js' CPU backend. "real" are the package's own weights.
import fs from 'node:fs';
import path from 'node:path';

globalThis.window = globalThis; // else its bundle asks for parts of node that it does not have
globalThis.document = { createElement: () => ({ getContext: () => null }) };
const [, , home, inputs] = process.argv;
const api = await import(path.resolve(home, 'dist/face-api.esm.js'));
const tf = api.tf;
await tf.setBackend('cpu');
await tf.ready();

const files = {
  detector: ['weights.bin', 'weights_manifest.json', 'tiny_face_detector_model'],
  expression: ['weights.bin', 'weights_manifest.json', 'face_expression_model'],
};
function tensors(kind, real) {
  const [bin, manifest, stem] = files[kind];
  const place = real ? `${home}/model/${stem}` : `${inputs}/${kind}/`;
  const data = fs.readFileSync(real ? `${place}.bin` : place + bin);
  const listed = fs.readFileSync(real ? `${place}-weights_manifest.json` : place + manifest);
  const bytes = data.buffer.slice(data.byteOffset, data.byteOffset + data.length);
  return tf.io.decodeWeights(bytes, JSON.parse(listed).flatMap((group) => group.weights));
}
const digits = (values) => Array.from(values, (value) => Number(value.toFixed(6)));
const picture = (name, shape) => tf.tensor3d(fs.readFileSync(`${inputs}/${name}.rgb`), shape, 'int32');

const sizes = JSON.parse(fs.readFileSync(`${inputs}/pictures.json`));
const found = { version: api.version, random: {}, real: {} };
for (const weights of ['random', 'real']) {
  const detector = new api.TinyFaceDetector();
  detector.loadFromWeightMap(tensors('detector', weights === 'real'));
  const net = new api.FaceExpressionNet();
  net.loadFromWeightMap(tensors('expression', weights === 'real'));
  const out = found[weights];
  for (const [name, shape] of Object.entries(sizes.frames)) {
    const image = picture(name, shape);
    const cells = await (await detector.forward(image, 320)).data();
    const boxes = await detector.locateFaces(image, { inputSize: 320, scoreThreshold: 0.5 });
    out[name] = {
      cells: digits(cells.filter((_, place) => place % 13 === 0)),
      count: boxes.length,
      boxes: boxes.slice(0, 20).map(({ box, score }) => digits([box.x, box.y, box.width, box.height, score])),
    };
  }
  for (const [name, shape] of Object.entries(sizes.crops)) {
    const input = await api.toNetInput(picture(name, shape));
    const features = net.faceFeatureExtractor.forwardInput(input);
    const logits = net.runNet(features);
    out[name] = { features: digits((await features.data()).filter((_, place) => place % 5 === 0)), logits: digits(await logits.data()) };
  }
}
console.log(JSON.stringify(found));

// The networks, by ONNX Runtime Web: on a GPU where there is one that works, else on the processor.

export class Networks {
  constructor(base, about) {
    this.base = base;
    this.about = about;
    this.open = new Map();
    this.provider = null; // "webgpu" or "wasm", once one is chosen
  }

  // Which device runs them; loads the program.
  async start() {
    this.starting ??= usableGpu().then((gpu) => this.load(gpu ? "webgpu" : "wasm"));
    try {
      await this.starting;
    } catch (error) {
      this.starting = null; // and the next one tries again
      throw error;
    }
    return this.provider;
  }

  async load(provider) {
    const file = provider === "webgpu" ? "ort.webgpu.min.mjs" : "ort.wasm.min.mjs";
    this.ort = await import(new URL(`runtime/${file}`, this.base));
    this.ort.env.wasm.wasmPaths = new URL("runtime/", this.base).href;
    this.ort.env.wasm.numThreads = self.crossOriginIsolated ? Math.min(navigator.hardwareConcurrency || 1, 8) : 1;
    this.ort.env.logLevel = "error";
    this.provider = provider;
    this.open.clear();
  }

  session(name, scale) {
    const key = `${name} ${scale}`;
    if (!this.open.has(key)) {
      const file = new URL(this.about[name].files[scale], this.base).href;
      const opened = this.ort.InferenceSession.create(file, { executionProviders: [this.provider], graphOptimizationLevel: "all", logSeverityLevel: 3 });
      opened.catch(() => this.open.delete(key));
      this.open.set(key, opened);
    }
    return this.open.get(key);
  }

  // Ready for the first tile: browsers compile what runs often once more, and better.
  async warm(name, scale) {
    const key = `${name} ${scale}`;
    if (this.open.has(key)) return;
    await this.session(name, scale);
    if (this.provider === "webgpu") return; // which compiles for each size anew
    const { channels } = this.about[name];
    for (const side of [48, 96, 96]) await this.run(name, scale, new Float32Array(channels * side * side), 0, side, side);
  }

  // One tile: planes (channels, height, width) in [0, 1]; level is a number, a map, or null.
  async run(name, scale, values, level, height, width) {
    try {
      return await this.once(name, scale, values, level, height, width);
    } catch (error) {
      if (this.provider !== "webgpu") throw error;
      await this.load("wasm"); // the GPU was lost, or can't do it: the processor goes on
      return this.once(name, scale, values, level, height, width);
    }
  }

  async once(name, scale, values, level, height, width) {
    const { channels, level: levelName } = this.about[name];
    const session = await this.session(name, scale);
    const { Tensor } = this.ort;
    const given = { input: new Tensor("float32", values, [1, channels, height, width]) };
    if (levelName) {
      const map = typeof level === "number" ? new Float32Array(height * width).fill(level) : level;
      given[levelName] = new Tensor("float32", map, [1, 1, height, width]);
    }
    const { output } = await session.run(given);
    const data = await output.getData();
    output.dispose();
    for (let at = 0; at < data.length; at += 997) if (!Number.isFinite(data[at])) throw new Error("the network gives values that are not finite");
    return data;
  }
}

async function usableGpu() {
  try {
    const adapter = await navigator.gpu?.requestAdapter();
    return Boolean(adapter);
  } catch {
    return false;
  }
}

class Model(ArrayModel):
    """Autoencoder, and variational autoencoder (Kingma & Welling 2014)."""

    def __init__(self, config):
        super().__init__(config)
        self.variational = config["model"] == "vae"
        self.encoder = Encoder(self.config, self.shape, self.latent, self.variational)
        self.decoder = Decoder(self.config, self.shape, self.latent)

    def encode(self, x):
        return self.encoder(self.see(x))

    def terms(self, x, noise=None):
        x = self.see(x)
        q = self.encoder(x)
        terms = self.error(self.decoder(sample(q, noise) if self.variational else q[0]), x)
        if self.variational:
            terms["kl"] = (self.config["vae.beta"], divergence(q))
        return terms

    def graphs(self):
        graphs = super().graphs()
        if not self.variational:
            graphs["encoder"][3].remove("z_logstd")
        return graphs

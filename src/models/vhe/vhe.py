class Model(ArrayModel):
    """Variational homoencoder (Hewitt et al. 2018): a code c for the class of an example, and z for the example."""

    def __init__(self, config):
        super().__init__(config)
        self.clusters = nn.Module()  # posterior, centroid, size, weight: of the training data's classes
        self.encoder_c = PairNetwork(self.config, self.shape, 0, self.latent)
        self.encoder_z = PairNetwork(self.config, self.shape, self.latent, self.latent)
        self.prior_z = PairNetwork(self.config, None, self.latent, self.latent)
        self.decoder = Decoder(self.config, self.shape, 2 * self.latent)

    def assign(self, x):
        """The cluster nearest to the codes that an example has as a class of its own."""
        c = self.encoder_c(x)[0]
        z = self.encoder_z(x, [c])[0]
        centroid_z, centroid_c = self.clusters.centroid.chunk(2, 1)
        weight = self.clusters.weight.float()
        distance = (weight[0] * ((z[:, None] - centroid_z) ** 2).sum(2)
                    + weight[1] * ((c[:, None] - centroid_c) ** 2).sum(2))
        return distance.masked_fill(self.clusters.size == 0, math.inf).argmin(1)

    def encode(self, x):
        """Mean and log standard deviation of z, then of c, which is that of the nearest cluster."""
        x = self.see(x)
        c, c_logstd = self.clusters.posterior[self.assign(x)].chunk(2, 1)
        return *self.encoder_z(x, [c]), c, c_logstd

    def decode(self, z, c):
        return super().decode(torch.cat([z, c], 1))

    def terms(self, x, exemplars=None, size=None, noise_c=None, noise_z=None):
        """exemplars (N, D, …): of the class of each example, and how many that class has (N); unless given, the
        posterior and the size of the nearest cluster stand for them, as in mpiae evaluate."""
        x = self.see(x)
        if exemplars is None:
            cluster = self.assign(x)
            posterior_c = self.clusters.posterior[cluster].chunk(2, 1)
            size = self.clusters.size[cluster].clamp(min=1)
        else:
            posterior_c = self.encoder_c(self.see(exemplars.flatten(0, 1)), exemplars=exemplars.shape[1])
        c = sample(posterior_c, noise_c)
        posterior_z = self.encoder_z(x, [c])
        terms = self.error(self.decoder(torch.cat([sample(posterior_z, noise_z), c], 1)), x)
        terms["kl_c"] = (1, divergence(posterior_c) / size)
        terms["kl_z"] = (1, divergence(posterior_z, self.prior_z(codes=[c])))
        return terms

    def graphs(self):
        x, code = torch.zeros(2, *self.shape), torch.zeros(2, self.latent)
        return {"encoder": (self.encode, {"x": x}, ["x"], ["z_mean", "z_logstd", "c_mean", "c_logstd"]),
                "decoder": (self.decode, {"z": code, "c": code.clone()}, ["z", "c"], ["x"])}

class Model(ArrayModel):
    """Associative compression network (Graves et al. 2018)."""

    def __init__(self, config):
        super().__init__(config)
        self.memory = nn.Module()  # mean: the code recorded of every training example
        self.encoder = Encoder(self.config, self.shape, self.latent, True)
        self.prior_z = PairNetwork(self.config, None, self.latent, self.latent)
        self.decoder = Decoder(self.config, self.shape, self.latent)

    def encode(self, x):
        return self.encoder(self.see(x))

    def draw_neighbour(self, mean):
        """One of the remembered codes nearest to each."""
        count = min(self.config["acn.neighbours"], len(self.memory.mean))
        near = torch.cdist(mean, self.memory.mean).topk(count, largest=False).indices
        return self.memory.mean[near.gather(1, torch.randint(count, (len(mean), 1)))[:, 0]]

    def terms(self, x, neighbour=None, noise=None):
        """neighbour: the code (N, latent) that tells the prior of each example; drawn unless given."""
        x = self.see(x)
        q = self.encoder(x)
        if neighbour is None:
            neighbour = self.draw_neighbour(q[0].detach())
        terms = self.error(self.decoder(sample(q, noise)), x)
        terms["kl"] = (1, divergence(q, self.prior_z(codes=[neighbour])))
        return terms

package fakees

const (
	clusterName = "fakees"
	clusterUUID = "b0ZrZWVzX2NsdXN0ZXJfMQ"
	buildHash   = "0000000000000000000000000000000000000000"
)

// root is GET /, which needs no master.
func (c *Cluster) root(r *call) (any, *apiError) {
	if refusal := r.refuseUnknown(); refusal != nil {
		return nil, refusal
	}
	return object{
		{"name", r.by.Name},
		{"cluster_name", clusterName},
		{"cluster_uuid", clusterUUID},
		{"version", c.version.describe()},
		{"tagline", c.version.tagline()},
	}, nil
}

func (v Version) describe() object {
	return object{}.
		with("distribution", "opensearch", v.opensearch).
		with("number", v.number, true).
		with("build_flavor", v.flavor(), !v.opensearch).
		with("build_type", "docker", true).
		with("build_hash", buildHash, true).
		with("build_date", "2026-01-01T00:00:00.000000000Z", true).
		with("build_snapshot", false, true).
		with("minimum_wire_compatibility_version", "7.17.0", true).
		with("minimum_index_compatibility_version", "7.0.0", true)
}

func (v Version) flavor() string {
	if v.serverless {
		return "serverless"
	}
	return "default"
}

func (v Version) tagline() string {
	if v.opensearch {
		return "The OpenSearch Project: https://opensearch.org/"
	}
	return "You Know, for Search"
}

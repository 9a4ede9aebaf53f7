# Included by the Makefile.
.PHONY: cluster-up cluster-down cluster-status binaries image image-load image-push

cluster-up: install ## Start a cluster: kind where Docker runs, else built from Kubernetes' own sources (Linux, root)
	$(NODE) test/cluster/up.ts

cluster-down: install ## End the cluster and take back all it did to the machine
	$(NODE) test/cluster/down.ts

cluster-status: install ## Say whether the cluster is healthy
	$(NODE) test/cluster/status.ts

binaries: install ## Build etcd, Kubernetes and CoreDNS into the cache (9 min once)
	$(NODE) test/cluster/build-binaries.ts

image: build ## Build the container image from dist/; build/image.json names it
	$(NODE) test/cluster/image.ts

image-load: build ## Build the image and give it to the running cluster
	$(NODE) test/cluster/image.ts --load

image-push: build ## Build the image and push it: REGISTRY=registry.example.com/platform; prints what the chart is given
	$(NODE) test/cluster/push-image.ts

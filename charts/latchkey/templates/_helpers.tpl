{{- define "latchkey.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{/* The release's name alone when it says what this is. Short enough for every suffix. */}}
{{- define "latchkey.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- $name := include "latchkey.name" . -}}
{{- if contains $name .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "latchkey.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
app.kubernetes.io/name: {{ include "latchkey.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/part-of: latchkey
{{- with .Values.labels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* Selector of one process: dict "root" $ "process" "issuer". */}}
{{- define "latchkey.selector" -}}
app.kubernetes.io/name: {{ include "latchkey.name" .root }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .process }}
{{- end -}}

{{- define "latchkey.image" -}}
{{- $image := .Values.image -}}
{{- if $image.reference -}}
{{- $image.reference -}}
{{- else -}}
{{- $name := $image.repository -}}
{{- if $image.registry -}}{{- $name = printf "%s/%s" $image.registry $image.repository -}}{{- end -}}
{{- if $image.digest -}}
{{- printf "%s@%s" $name $image.digest -}}
{{- else -}}
{{- printf "%s:%s" $name (default .Chart.AppVersion $image.tag) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "latchkey.issuerHost" -}}
{{- printf "%s-issuer.%s.svc" (include "latchkey.fullname" .) .Release.Namespace -}}
{{- end -}}

{{- define "latchkey.issuerUrl" -}}
{{- if .Values.issuer.url -}}
{{- .Values.issuer.url | trimSuffix "/" -}}
{{- else -}}
{{- printf "https://%s/%s" (include "latchkey.issuerHost" .) .Values.installation -}}
{{- end -}}
{{- end -}}

{{/* Whoever gives the issuer a URL of its own has something before it that can lead paths to ports. */}}
{{- define "latchkey.tokenUrl" -}}
{{- if .Values.issuer.tokenUrl -}}
{{- .Values.issuer.tokenUrl | trimSuffix "/" -}}
{{- else if .Values.issuer.url -}}
{{- include "latchkey.issuerUrl" . -}}
{{- else -}}
{{- printf "https://%s:8445/%s" (include "latchkey.issuerHost" .) .Values.installation -}}
{{- end -}}
{{- end -}}

{{- define "latchkey.operatorUser" -}}
{{- printf "system:serviceaccount:%s:%s-operator" .Release.Namespace (include "latchkey.fullname" .) -}}
{{- end -}}

{{/*
Selectors of this installation's namespaces, as JSON: [{"suffix", "expressions"}]. A label selector cannot say "this
value or none", so the default installation has two.
*/}}
{{- define "latchkey.namespaceSelectors" -}}
{{- $key := "latchkey.dev/installation" -}}
{{- $own := dict "suffix" "" "expressions" (list (dict "key" $key "operator" "In" "values" (list .Values.installation))) -}}
{{- if eq .Values.installation "default" -}}
{{- $none := dict "suffix" "-unlabelled" "expressions" (list (dict "key" $key "operator" "DoesNotExist")) -}}
{{- list $own $none | toJson -}}
{{- else -}}
{{- list $own | toJson -}}
{{- end -}}
{{- end -}}

{{/* Bindings of a policy, one for each namespace selector: dict "root" $ "policy" NAME, and "param" true for latchkey-ca. */}}
{{- define "latchkey.policyBindings" -}}
{{- range include "latchkey.namespaceSelectors" .root | fromJsonArray }}
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata:
  name: {{ $.policy }}{{ .suffix }}
  labels:
    {{- include "latchkey.labels" $.root | nindent 4 }}
spec:
  policyName: {{ $.policy }}
  validationActions: [{{ default "Deny" $.action }}]
  {{- if $.param }}
  # Of the namespace of the pod: only guarded namespaces have it.
  paramRef:
    name: latchkey-ca
    parameterNotFoundAction: Allow
  {{- end }}
  matchResources:
    namespaceSelector:
      matchExpressions:
        {{- toYaml .expressions | nindent 8 }}
{{- end }}
{{- end -}}

{{/* What every process is told: dict "root" $, and "withoutApi" as below. */}}
{{- define "latchkey.commonEnv" -}}
- name: LATCHKEY_LOG_LEVEL
  value: {{ .root.Values.logLevel | quote }}
{{- if not .withoutApi }}
- name: LATCHKEY_NAMESPACE
  value: {{ .root.Release.Namespace | quote }}
- name: LATCHKEY_FULLNAME
  value: {{ include "latchkey.fullname" .root | quote }}
- name: LATCHKEY_INSTALLATION
  value: {{ .root.Values.installation | quote }}
- name: LATCHKEY_ISSUER_URL
  value: {{ include "latchkey.issuerUrl" .root | quote }}
{{- end }}
{{- end -}}

{{/* The Deployment of one process: dict "root" $ "process" NAME, and as YAML "env" "ports" "mounts" "volumes"; "annotations" for its pods, "withoutApi" for one that never calls the API server. */}}
{{- define "latchkey.deployment" -}}
{{- $values := index .root.Values .process -}}
{{- $fullname := include "latchkey.fullname" .root -}}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ $fullname }}-{{ .process }}
  namespace: {{ .root.Release.Namespace }}
  labels:
    {{- include "latchkey.labels" .root | nindent 4 }}
    app.kubernetes.io/component: {{ .process }}
spec:
  replicas: {{ $values.replicas }}
  # A ready pod is reachable by its Service a moment later only, when every node's proxy has heard of it. Whoever waits
  # for the Deployment (`helm install --wait`) may use it at once.
  minReadySeconds: 5
  revisionHistoryLimit: 3
  strategy:
    type: RollingUpdate
    rollingUpdate:
      maxUnavailable: 0
      maxSurge: 1
  selector:
    matchLabels:
      {{- include "latchkey.selector" . | nindent 6 }}
  template:
    metadata:
      labels:
        {{- include "latchkey.selector" . | nindent 8 }}
        app.kubernetes.io/part-of: latchkey
        {{- with .root.Values.labels }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
        {{- with .root.Values.podLabels }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      {{- with merge (deepCopy (default dict .annotations)) $values.podAnnotations .root.Values.podAnnotations }}
      annotations:
        {{- toYaml . | nindent 8 }}
      {{- end }}
    spec:
      serviceAccountName: {{ $fullname }}-{{ .process }}
      {{- if .withoutApi }}
      automountServiceAccountToken: false
      {{- end }}
      # A Service named latchkey-… would otherwise put LATCHKEY_… variables of its own into the environment.
      enableServiceLinks: false
      terminationGracePeriodSeconds: 45
      {{- with .root.Values.imagePullSecrets }}
      imagePullSecrets:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with .root.Values.priorityClassName }}
      priorityClassName: {{ . }}
      {{- end }}
      nodeSelector:
        kubernetes.io/os: linux
        {{- with $values.nodeSelector }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      {{- with $values.tolerations }}
      tolerations:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      affinity:
        {{- if $values.affinity }}
        {{- toYaml $values.affinity | nindent 8 }}
        {{- else }}
        podAntiAffinity:
          preferredDuringSchedulingIgnoredDuringExecution:
            - weight: 100
              podAffinityTerm:
                topologyKey: kubernetes.io/hostname
                labelSelector:
                  matchLabels:
                    {{- include "latchkey.selector" . | nindent 20 }}
        {{- end }}
      topologySpreadConstraints:
        {{- if $values.topologySpreadConstraints }}
        {{- toYaml $values.topologySpreadConstraints | nindent 8 }}
        {{- else }}
        - maxSkew: 1
          topologyKey: topology.kubernetes.io/zone
          whenUnsatisfiable: ScheduleAnyway
          labelSelector:
            matchLabels:
              {{- include "latchkey.selector" . | nindent 14 }}
        {{- end }}
      securityContext:
        runAsNonRoot: true
        runAsUser: 65532
        runAsGroup: 65532
        fsGroup: 65532
        seccompProfile:
          type: RuntimeDefault
      containers:
        - name: {{ .process }}
          image: {{ include "latchkey.image" .root | quote }}
          imagePullPolicy: {{ .root.Values.image.pullPolicy }}
          args: [{{ .process }}]
          env:
            {{- include "latchkey.commonEnv" . | nindent 12 }}
            {{- with .env }}
            {{- . | nindent 12 }}
            {{- end }}
            {{- with $values.nodeOptions }}
            - name: NODE_OPTIONS
              value: {{ . | quote }}
            {{- end }}
            {{- with $values.extraEnv }}
            {{- toYaml . | nindent 12 }}
            {{- end }}
          ports:
            {{- with .ports }}
            {{- . | nindent 12 }}
            {{- end }}
            - name: health
              containerPort: 8081
          # Two minutes to start; from then on /livez decides.
          startupProbe:
            httpGet: { path: /livez, port: health }
            periodSeconds: 2
            failureThreshold: 60
            timeoutSeconds: 2
          livenessProbe:
            httpGet: { path: /livez, port: health }
            periodSeconds: 10
            failureThreshold: 3
            timeoutSeconds: 5
          readinessProbe:
            httpGet: { path: /readyz, port: health }
            periodSeconds: 3
            failureThreshold: 2
            timeoutSeconds: 3
          resources:
            {{- toYaml $values.resources | nindent 12 }}
          securityContext:
            allowPrivilegeEscalation: false
            readOnlyRootFilesystem: true
            capabilities:
              drop: [ALL]
          volumeMounts:
            - name: tmp
              mountPath: /tmp
            {{- with .mounts }}
            {{- . | nindent 12 }}
            {{- end }}
      volumes:
        {{- with .volumes }}
        {{- . | nindent 8 }}
        {{- end }}
        - name: tmp
          emptyDir:
            sizeLimit: 64Mi
{{- end -}}

{{/* ServiceAccount and PodDisruptionBudget of one process. */}}
{{- define "latchkey.companions" -}}
{{- $values := index .root.Values .process -}}
{{- $fullname := include "latchkey.fullname" .root -}}
apiVersion: v1
kind: ServiceAccount
metadata:
  name: {{ $fullname }}-{{ .process }}
  namespace: {{ .root.Release.Namespace }}
  labels:
    {{- include "latchkey.labels" .root | nindent 4 }}
    app.kubernetes.io/component: {{ .process }}
{{- /* At one replica a budget would block every drain of its node. */}}
{{- if and $values.podDisruptionBudget.enabled (gt (int $values.replicas) 1) }}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: {{ $fullname }}-{{ .process }}
  namespace: {{ .root.Release.Namespace }}
  labels:
    {{- include "latchkey.labels" .root | nindent 4 }}
    app.kubernetes.io/component: {{ .process }}
spec:
  minAvailable: {{ $values.podDisruptionBudget.minAvailable }}
  unhealthyPodEvictionPolicy: AlwaysAllow
  selector:
    matchLabels:
      {{- include "latchkey.selector" . | nindent 6 }}
{{- end }}
{{- end -}}

{{/* NetworkPolicy of one process: dict "root" $ "process" NAME "ports" (list of open ports) "egress" YAML. */}}
{{- define "latchkey.networkPolicy" -}}
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: {{ include "latchkey.fullname" .root }}-{{ .process }}
  namespace: {{ .root.Release.Namespace }}
  labels:
    {{- include "latchkey.labels" .root | nindent 4 }}
    app.kubernetes.io/component: {{ .process }}
spec:
  podSelector:
    matchLabels:
      {{- include "latchkey.selector" . | nindent 6 }}
  policyTypes: [Ingress, Egress]
  ingress:
    {{- with .ports }}
    - ports:
        {{- range . }}
        - port: {{ . }}
          protocol: TCP
        {{- end }}
    {{- end }}
    - ports:
        - port: 8081
          protocol: TCP
      {{- with .root.Values.networkPolicy.metricsFrom }}
      from:
        {{- toYaml . | nindent 8 }}
      {{- end }}
  egress:
    - ports:
        - port: 53
          protocol: UDP
        - port: 53
          protocol: TCP
    - ports:
        {{- range .root.Values.networkPolicy.apiServerPorts }}
        - port: {{ . }}
          protocol: TCP
        {{- end }}
    {{- with .egress }}
    {{- . | nindent 4 }}
    {{- end }}
{{- end -}}

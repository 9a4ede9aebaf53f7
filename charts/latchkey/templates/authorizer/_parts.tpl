{{- define "latchkey.authorizerServices" -}}
{{- $names := list -}}
{{- range .Values.authorizer.peers -}}{{- $names = concat $names .services -}}{{- end -}}
{{- join "," ($names | uniq | sortAlpha) -}}
{{- end -}}
{{- define "latchkey.authorizerPeers" -}}
{{- $peers := list -}}
{{- range .Values.authorizer.peers -}}
{{- $peer := dict "name" .name "proxy" .proxy "services" .services "certificateNames" (default list .certificateNames) -}}
{{- if .keyHeaders -}}{{- $peer = set $peer "keyHeaders" .keyHeaders -}}{{- end -}}
{{- if .secretName -}}{{- $peer = set $peer "secretFile" (printf "/var/run/latchkey/peers/%s" .name) -}}{{- end -}}
{{- $peers = append $peers $peer -}}
{{- end -}}
{{- toJson $peers -}}
{{- end -}}
{{- define "latchkey.authorizerEnv" -}}
- name: LATCHKEY_PEERS
  value: {{ include "latchkey.authorizerPeers" . | quote }}
- name: LATCHKEY_SNAPSHOT_URL
  value: https://{{ include "latchkey.issuerHost" . }}:8444
- name: LATCHKEY_CA_FILE
  value: /var/run/latchkey/issuer-ca/ca.crt
{{- if or .Values.authorizer.peerCA.secretName .Values.authorizer.peerCA.configMapName }}
- name: LATCHKEY_PEER_CA_FILE
  value: /var/run/latchkey/peer-ca/ca.crt
{{- end }}
{{- with .Values.guard.audit.onBlock }}
- name: LATCHKEY_AUDIT_ON_BLOCK
  value: {{ . | quote }}
{{- end }}
{{- with .Values.guard.problemBase }}
- name: LATCHKEY_PROBLEM_BASE
  value: {{ . | quote }}
{{- end }}
{{- end -}}
{{- define "latchkey.authorizerPorts" -}}
- name: http
  containerPort: 9191
- name: grpc
  containerPort: 9192
{{- end -}}
{{- define "latchkey.authorizerMounts" -}}
- name: tls
  mountPath: /var/run/latchkey/tls
  readOnly: true
- name: issuer-ca
  mountPath: /var/run/latchkey/issuer-ca
  readOnly: true
- name: token
  mountPath: /var/run/latchkey/token
  readOnly: true
- name: peers
  mountPath: /var/run/latchkey/peers
  readOnly: true
{{- if or .Values.authorizer.peerCA.secretName .Values.authorizer.peerCA.configMapName }}
- name: peer-ca
  mountPath: /var/run/latchkey/peer-ca
  readOnly: true
{{- end }}
- name: snapshots
  mountPath: /var/lib/latchkey
{{- end -}}
{{- define "latchkey.authorizerVolumes" -}}
{{- $made := printf "%s-authorizer-tls" (include "latchkey.fullname" .) -}}
# Made by the operator, unless there is one of yours.
- name: tls
  secret:
    secretName: {{ default $made .Values.authorizer.tls.secretName }}
    items:
      - { key: tls.crt, path: tls.crt }
      - { key: tls.key, path: tls.key }
# The authority of the issuer comes with the certificate that the operator made.
- name: issuer-ca
  secret:
    secretName: {{ $made }}
    items:
      - { key: ca.crt, path: ca.crt }
# Proves the authorizer to the issuer, which asks the API server whether it may enforce the service.
- name: token
  projected:
    sources:
      - serviceAccountToken:
          audience: {{ include "latchkey.issuerUrl" . }}/v1/snapshots
          expirationSeconds: 3600
          path: token
# One file for each peer with a secret. One that is missing denies its peer and nobody else.
- name: peers
  projected:
    defaultMode: 0440
    sources:
      {{- range .Values.authorizer.peers }}
      {{- if .secretName }}
      - secret:
          name: {{ .secretName }}
          optional: true
          items:
            - { key: {{ default "secret" .secretKey }}, path: {{ .name }} }
      {{- end }}
      {{- else }}
      []
      {{- end }}
{{- with .Values.authorizer.peerCA }}
{{- if .secretName }}
- name: peer-ca
  secret:
    secretName: {{ .secretName }}
    items:
      - { key: {{ .key }}, path: ca.crt }
{{- else if .configMapName }}
- name: peer-ca
  configMap:
    name: {{ .configMapName }}
    items:
      - { key: {{ .key }}, path: ca.crt }
{{- end }}
{{- end }}
- name: snapshots
  emptyDir:
    sizeLimit: 512Mi
{{- end -}}

{{/* What the issuer is told of its token store. Each begins with a line break where there is something to say. */}}
{{- define "latchkey.tokenStoreEnv" -}}
{{- if eq .Values.tokenStore.kind "Redis" }}
{{- with .Values.tokenStore.redis }}
- name: LATCHKEY_TOKEN_STORE
  value: Redis
- name: LATCHKEY_REDIS_URL
  value: {{ required "tokenStore.redis.url: needed with tokenStore.kind=Redis" .url | quote }}
{{- if .secretRef.name }}
- name: LATCHKEY_REDIS_CREDENTIALS
  value: /var/run/latchkey/redis
{{- end }}
{{- if or .caBundle.secretName .caBundle.configMapName }}
- name: LATCHKEY_REDIS_CA_FILE
  value: /var/run/latchkey/redis-ca/ca.crt
{{- end }}
{{- end }}
{{- end }}
{{- end -}}
{{- define "latchkey.tokenStoreMounts" -}}
{{- if eq .Values.tokenStore.kind "Redis" }}
{{- with .Values.tokenStore.redis }}
{{- if .secretRef.name }}
- name: redis
  mountPath: /var/run/latchkey/redis
  readOnly: true
{{- end }}
{{- if or .caBundle.secretName .caBundle.configMapName }}
- name: redis-ca
  mountPath: /var/run/latchkey/redis-ca
  readOnly: true
{{- end }}
{{- end }}
{{- end }}
{{- end -}}
{{- define "latchkey.tokenStoreVolumes" -}}
{{- if eq .Values.tokenStore.kind "Redis" }}
{{- with .Values.tokenStore.redis }}
{{- if .secretRef.name }}
- name: redis
  secret:
    secretName: {{ .secretRef.name }}
    defaultMode: 0440
    items:
      - { key: {{ .secretRef.passwordKey }}, path: password }
      {{- with .secretRef.usernameKey }}
      - { key: {{ . }}, path: username }
      {{- end }}
{{- end }}
{{- if .caBundle.secretName }}
- name: redis-ca
  secret:
    secretName: {{ .caBundle.secretName }}
    items:
      - { key: {{ .caBundle.key }}, path: ca.crt }
{{- else if .caBundle.configMapName }}
- name: redis-ca
  configMap:
    name: {{ .caBundle.configMapName }}
    items:
      - { key: {{ .caBundle.key }}, path: ca.crt }
{{- end }}
{{- end }}
{{- end }}
{{- end -}}
{{- define "latchkey.tokenStoreEgress" -}}
{{- if eq .Values.tokenStore.kind "Redis" -}}
- ports:
    - port: {{ regexFind ":[0-9]+$" (urlParse .Values.tokenStore.redis.url).host | trimPrefix ":" | default "6379" }}
      protocol: TCP
{{- end -}}
{{- end -}}

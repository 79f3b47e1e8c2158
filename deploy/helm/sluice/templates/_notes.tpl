{{- define "sluice.notes" -}}
{{- $name := include "sluice.fullname" . }}
Sluice carries {{ if .Values.existingConfigMap }}what the ConfigMap {{ .Values.existingConfigMap }} says{{ else }}{{ len .Values.routes }} route{{ if ne (len .Values.routes) 1 }}s{{ end }}{{ end }}. Next:

1. Wait until every route takes messages:

     kubectl --namespace {{ .Release.Namespace }} rollout status {{ include "sluice.kind" . | lower }}/{{ $name }}

   A pod that does not become ready says why on /readyz, route by route:

     kubectl --namespace {{ .Release.Namespace }} port-forward service/{{ $name }} {{ .Values.admin.port }}
     curl http://127.0.0.1:{{ .Values.admin.port }}/readyz

2. The admin page is on the same port. Its token:

     kubectl --namespace {{ .Release.Namespace }} get secret {{ include "sluice.adminSecret" . }} -o go-template='{{ "{{" }} index .data "{{ .Values.admin.key }}" | base64decode {{ "}}" }}'
{{- if .Values.existingConfigMap }}

   The ConfigMap must hold
     admin: { host: 0.0.0.0, port: {{ .Values.admin.port }}, token: "${env.SLUICE_ADMIN_TOKEN}" }
   or the probes cannot reach the gateway, and
     shutdown: { drain: {{ .Values.drainSeconds }}s }
{{- end }}

3. Change a route: edit the values and `helm upgrade`. The ConfigMap is mounted as a folder, and reaches running pods within a
   minute or so.
{{- if not .Values.serviceMonitor.enabled }}

4. Nobody scrapes /metrics through this chart yet: set serviceMonitor.enabled and prometheusRule.enabled, or scrape
   {{ $name }}.{{ .Release.Namespace }}:{{ .Values.admin.port }}/metrics by your own means.
{{- end }}
{{- if and (not .Values.persistence.enabled) (include "sluice.keepsFiles" .) }}

WARNING: a route keeps something in files (dedup or a window with the store `file`), and persistence.enabled is false: what is remembered
lives only as long as its pod. Set persistence.enabled, or use a store that replicas share.
{{- end }}
{{- end }}

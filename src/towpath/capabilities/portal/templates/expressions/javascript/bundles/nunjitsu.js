export { createTemplateRenderer } from "nunjitsu";
